//! Taking what has come.

use tokio::time::Instant;

use super::{Busy, Call, Engine, Settling, Waiting, Word};
use crate::{Error, groups::lease::Lease};

impl Engine {
    pub(super) fn take(&mut self, calls: impl Iterator<Item = Call>) {
        let now = Instant::now();
        for call in calls {
            match call {
                Call::Fetch(fetch, answer) => {
                    let session = fetch.session.unwrap_or_default();
                    if self.workers.other_session(&fetch.worker, session, now, self.lease()) {
                        // Whoever asked may have gone.
                        let _ = answer.send(Err(Error::WorkerConflict));
                        continue;
                    }
                    self.asked.look |= self.workers.hear(&fetch.worker, session, now);
                    let until = now + fetch.wait;
                    self.waiting.push(Waiting { fetch, since: now, until, answer });
                }
                Call::Settle(settlements, answer) => {
                    self.hear_holders(settlements.iter().map(|settlement| &settlement.lease), now);
                    let results = vec![Ok(()); settlements.len()];
                    self.words.push_back(Word::Settle(Settling { results, settlements, answer }));
                }
                Call::Extend(leases, answer) => {
                    self.hear_holders(leases.iter(), now);
                    self.words.push_back(Word::Extend(leases, answer));
                }
                Call::Leave(worker, answer) => self.asked.leaves.push((worker, answer)),
                Call::Raise(raised, answer) => self.asked.raises.push((raised, answer)),
                Call::Changed => self.asked.look = true,
            }
        }
    }

    /// Who speaks of a lease it holds lives.
    fn hear_holders<'a>(&mut self, leases: impl Iterator<Item = &'a Lease>, now: Instant) {
        let mut heard = Busy::new(self.store.lanes());
        for lease in leases {
            if heard.has(lease.lane) {
                continue;
            }
            let work = self.lanes.get(&lease.lane).filter(|work| work.holds(lease).is_ok());
            if let Some(owner) = work.and_then(|work| work.state.owner.as_ref())
                && let Some(here) = self.workers.here.get_mut(&owner.worker)
            {
                here.heard = now;
                heard.add(lease.lane);
            }
        }
    }
}
