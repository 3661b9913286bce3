//! Giving work out, storing what a round changed, and answering.

use std::collections::HashMap;

use futures_util::future::join_all;
use headwater_events::Lane;
use headwater_store::Error as StoreError;
use tokio::time::Instant;

use super::{Engine, Round, TRIES};
use crate::{
    Error,
    api::groups::{Fetched, GroupGap, Refused, WorkerName},
    groups::{keys, lease::Lease},
};

impl Engine {
    /// Gives workers that wait what their lanes have.
    pub(super) async fn give(&mut self, round: &mut Round) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (now_ms, until, max_attempts) =
            (self.now_ms(), Instant::now() + self.lease(), self.settings.config.max_attempts);
        let mut room: HashMap<WorkerName, usize> = HashMap::new();
        for waiting in &self.waiting {
            *room.entry(waiting.fetch.worker.clone()).or_default() += waiting.fetch.max;
        }
        let touched = self.activity.take();
        let (store, group) = (&*self.store, &self.group);
        let reading = self.lanes.values_mut().filter_map(|work| {
            work.more |= touched.contains(work.lane);
            let worker = work.state.owner.as_ref().map(|owner| &owner.worker)?;
            let room = *room.get(worker)?;
            if work.draining || work.stale {
                return None;
            }
            work.wake(now_ms);
            Some(work.prepare(store, group, room))
        });
        for read in join_all(reading).await {
            read?;
        }
        let mut lost = Vec::new();
        let lanes: Vec<Lane> = self.lanes.keys().copied().collect();
        self.turn = self.turn.wrapping_add(1);
        for (at, waiting) in self.waiting.iter().enumerate() {
            let mut fetched = Fetched::default();
            let own: Vec<Lane> =
                lanes.iter().copied().filter(|lane| self.lanes[lane].is_of(&waiting.fetch.worker)).collect();
            let mut left = waiting.fetch.max;
            for (i, lane) in own.iter().cycle().skip(self.turn % own.len().max(1)).take(own.len()).enumerate()
            {
                let Some(work) = self.lanes.get_mut(lane).filter(|work| !work.draining && !work.stale) else {
                    continue;
                };
                fetched.gaps.append(&mut work.gaps);
                // An equal share first, so that one full lane does not keep the others from going on.
                let share = left.div_ceil(own.len() - i);
                fetched.deliveries.extend(work.give(share, now_ms, until, max_attempts, &mut lost));
                left = waiting.fetch.max - fetched.deliveries.len();
            }
            round.given.push((at, fetched));
        }
        self.bury(lost).await
    }

    /// Stores every changed lane.
    pub(super) async fn store(&mut self, round: &mut Round) -> Result<(), Error> {
        for _ in 0..TRIES {
            let dirty: Vec<(Lane, String, bytes::Bytes, Option<headwater_store::Version>)> = self
                .lanes
                .values()
                .filter(|work| work.dirty)
                .map(|work| (work.lane, keys::lane(&self.group, work.lane), work.encoded(), work.version))
                .collect();
            if dirty.is_empty() {
                return Ok(());
            }
            self.last_write = Some(Instant::now());
            let store = &self.store;
            let writes = dirty.into_iter().map(|(lane, key, value, version)| async move {
                (lane, store.put(&key, value, version).await)
            });
            let (mut changed, mut failed) = (Vec::new(), None);
            for (lane, written) in join_all(writes).await {
                let Some(work) = self.lanes.get_mut(&lane) else { continue };
                work.dirty = false;
                match written {
                    Ok(version) => (work.version, work.seen) = (Some(version), Instant::now()),
                    Err(StoreError::Conflict { .. }) => changed.push(lane),
                    Err(error) => {
                        work.stale = true;
                        failed = Some(error);
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
            if changed.is_empty() {
                return Ok(());
            }
            self.again(round, &changed).await?;
        }
        Err(StoreError::unavailable("other processes keep changing the group's lanes").into())
    }

    /// Somebody else has changed some lanes: what the round did to them is undone, and done again on what they are now.
    pub(super) async fn again(&mut self, round: &mut Round, lanes: &[Lane]) -> Result<(), Error> {
        for (_, fetched) in &mut round.given {
            fetched.deliveries.retain(|leased| !lanes.contains(&leased.lease.lane));
        }
        for lane in lanes {
            self.load(*lane).await?;
        }
        let mut lost = Vec::new();
        for at in 0..round.settles.len() {
            for i in 0..round.settles[at].settlements.len() {
                if lanes.contains(&round.settles[at].settlements[i].lease.lane) {
                    let settlement = &round.settles[at].settlements[i];
                    let result = self.settle_one(settlement, &mut lost).await?;
                    round.settles[at].results[i] = result;
                }
            }
        }
        for (raised, _) in &round.raises {
            for (lane, run, letter) in raised.iter().filter(|(lane, ..)| lanes.contains(lane)) {
                if let Some(work) = self.lanes.get_mut(lane) {
                    work.raise(run.clone(), *letter);
                }
            }
        }
        self.bury(lost).await
    }

    pub(super) fn answer(&mut self, round: Round) {
        for settling in round.settles {
            let _ = settling.answer.send(Ok(settling.results));
        }
        for (leases, answer) in round.extends {
            let held = |lease: &Lease| match self.lanes.get(&lease.lane) {
                Some(work) => work.holds(lease),
                None => Err(Refused::NotHeld),
            };
            let _ = answer.send(Ok(leases.iter().map(held).collect()));
        }
        for (_, answer) in round.leaves {
            let _ = answer.send(Ok(()));
        }
        for (_, answer) in round.raises {
            let _ = answer.send(Ok(()));
        }
        let now = Instant::now();
        let mut given: HashMap<usize, Fetched> = round.given.into_iter().collect();
        let waiting = std::mem::take(&mut self.waiting);
        for (at, waiting) in waiting.into_iter().enumerate() {
            let fetched = given.remove(&at).unwrap_or_default();
            let nothing = fetched.deliveries.is_empty() && fetched.gaps.is_empty();
            if nothing && now < waiting.until && !waiting.answer.is_closed() {
                self.waiting.push(waiting);
                continue;
            }
            // A worker that waits for an answer lives.
            let session = waiting.fetch.session.unwrap_or_default();
            self.workers.hear(&waiting.fetch.worker, session, now);
            if let Err(Ok(fetched)) = waiting.answer.send(Ok(fetched)) {
                // Whoever asked has gone: what it was to get has not been tried.
                self.orphans.extend(fetched.deliveries.iter().map(|leased| leased.lease));
                self.tell_later(fetched.gaps);
            }
        }
        for waiting in &self.waiting {
            let session = waiting.fetch.session.unwrap_or_default();
            self.workers.hear(&waiting.fetch.worker, session, now);
        }
    }

    pub(super) fn take_back(&mut self) {
        for lease in std::mem::take(&mut self.orphans) {
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                work.take_back(&lease);
            }
        }
    }

    pub(super) fn tell_later(&mut self, gaps: Vec<GroupGap>) {
        for gap in gaps {
            if let Some(work) = self.lanes.get_mut(&Lane(gap.lane)) {
                work.gaps.push(gap);
            }
        }
    }

    /// The round came to nothing: everybody is told, and what was changed is loaded again before it is used.
    pub(super) fn fail(&mut self, round: Round, error: &Error) {
        tracing::warn!(group = %self.group, %error, "a group's round failed");
        for work in self.lanes.values_mut() {
            work.stale |= work.dirty;
            work.dirty = false;
        }
        for (_, fetched) in round.given {
            // Stored or not: nobody has got it.
            self.orphans.extend(fetched.deliveries.iter().map(|leased| leased.lease));
            self.tell_later(fetched.gaps);
        }
        for settling in round.settles {
            let _ = settling.answer.send(Err(again(error)));
        }
        for (_, answer) in round.extends {
            let _ = answer.send(Err(again(error)));
        }
        for (_, answer) in round.leaves {
            let _ = answer.send(Err(again(error)));
        }
        for (_, answer) in round.raises {
            let _ = answer.send(Err(again(error)));
        }
        for waiting in std::mem::take(&mut self.waiting) {
            let _ = waiting.answer.send(Err(again(error)));
        }
        self.last_write = Some(Instant::now());
    }
}

/// The same error once more.
fn again(error: &Error) -> Error {
    match error {
        Error::NoGroup => Error::NoGroup,
        Error::Store(StoreError::Closed) => StoreError::Closed.into(),
        Error::Store(StoreError::Full { reason }) => StoreError::Full { reason: reason.clone() }.into(),
        other => StoreError::unavailable(other).into(),
    }
}
