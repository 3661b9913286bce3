//! Giving work out, and answering.

use std::collections::HashMap;

use futures_util::future::join_all;
use headwater_events::Lane;
use headwater_store::Error as StoreError;
use tokio::time::Instant;

use super::{Busy, Engine, Round, Waiting, Word};
use crate::{
    Error,
    api::groups::{Fetched, GroupGap, Refused, WorkerName},
    groups::{lease::Lease, lost::Lost},
};

/// What the workers that wait have room for, and the lanes of each.
type Rooms = HashMap<WorkerName, (usize, Vec<Lane>)>;

impl Engine {
    /// Gives workers that wait what their lanes have.
    pub(super) async fn give(&mut self, round: &mut Round, busy: &Busy) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rooms = self.rooms();
        let (store, group, now_ms) = (&*self.store, &self.group, self.now_ms());
        let preparing = self.lanes.values_mut().filter_map(|work| {
            let owner = work.state.owner.as_ref()?;
            let (room, _) = rooms.get(&owner.worker)?;
            if work.draining || busy.has(work.lane) {
                return None;
            }
            work.wake(now_ms);
            Some(work.prepare(store, group, *room))
        });
        for prepared in join_all(preparing).await {
            prepared?;
        }
        self.read_ahead();
        let mut lost = Vec::new();
        self.turn = self.turn.wrapping_add(1);
        let now = Instant::now();
        for waiting in std::mem::take(&mut self.waiting) {
            let own = rooms.get(&waiting.fetch.worker).map_or(&[][..], |(_, lanes)| lanes);
            let (fetched, quiet) = self.give_to(&waiting, own, busy, now, &mut lost);
            let nothing = fetched.deliveries.is_empty() && fetched.gaps.is_empty();
            if nothing && !waiting.is_over(now, quiet) {
                self.waiting.push(waiting);
            } else {
                round.given.push((waiting, fetched));
            }
        }
        self.read_ahead();
        self.bury(lost).await
    }

    fn rooms(&mut self) -> Rooms {
        let mut rooms = Rooms::new();
        for Waiting { fetch, .. } in &self.waiting {
            rooms.entry(fetch.worker.clone()).or_default().0 += fetch.max;
        }
        let touched = self.activity.take();
        for work in self.lanes.values_mut() {
            if touched.contains(work.lane) {
                (work.more, work.touched) = (true, true);
            }
            let owner = work.state.owner.as_ref().filter(|_| !work.draining);
            if let Some((_, lanes)) = owner.and_then(|owner| rooms.get_mut(&owner.worker)) {
                lanes.push(work.lane);
            }
        }
        rooms
    }

    /// What one worker gets now, and whether nothing more is on its way to it.
    fn give_to(
        &mut self,
        waiting: &Waiting,
        own: &[Lane],
        busy: &Busy,
        now: Instant,
        lost: &mut Vec<Lost>,
    ) -> (Fetched, bool) {
        let mut fetched = Fetched::default();
        let some_busy = own.iter().any(|lane| busy.has(*lane));
        if some_busy && !waiting.takes_some(now) {
            // What its lanes have together is one batch, and one write of each.
            return (fetched, false);
        }
        let (now_ms, until) = (self.now_ms(), now + self.lease());
        let (mut left, mut quiet) = (waiting.fetch.max, !some_busy);
        for i in 0..own.len() {
            let lane = own[(self.turn + i) % own.len()];
            let Some(work) = self.lanes.get_mut(&lane).filter(|_| !busy.has(lane)) else { continue };
            fetched.gaps.append(&mut work.gaps);
            // An equal share first, so that one full lane does not keep the others from going on.
            let share = left.div_ceil(own.len() - i);
            let max_attempts = self.settings.config.max_attempts;
            fetched.deliveries.extend(work.give(share, now_ms, until, max_attempts, lost));
            left = waiting.fetch.max - fetched.deliveries.len();
            quiet &= !work.reading;
        }
        (fetched, quiet)
    }

    pub(super) async fn answer(&mut self, round: Round) {
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
        let units = round.leaves.into_iter().map(|(_, answer)| answer);
        for answer in units.chain(round.raises.into_iter().map(|(_, answer)| answer)) {
            let _ = answer.send(Ok(()));
        }
        let now = Instant::now();
        for (waiting, fetched) in round.given {
            // A worker that waits for an answer lives.
            let session = waiting.fetch.session.unwrap_or_default();
            self.workers.hear(&waiting.fetch.worker, session, now);
            if let Err(Ok(fetched)) = waiting.answer.send(Ok(fetched)) {
                // Whoever asked has gone: what it was to get has not been tried.
                self.not_got(fetched);
            }
        }
        self.end_expired(&round.expired).await;
    }

    fn not_got(&mut self, fetched: Fetched) {
        self.orphans.extend(fetched.deliveries.iter().map(|leased| leased.lease));
        for gap in fetched.gaps {
            self.tell_later(gap);
        }
    }

    pub(super) fn take_back(&mut self, busy: &Busy) {
        for lease in std::mem::take(&mut self.orphans) {
            if busy.has(lease.lane) {
                self.orphans.push(lease);
            } else if let Some(work) = self.lanes.get_mut(&lease.lane) {
                work.take_back(&lease);
            }
        }
    }

    fn tell_later(&mut self, gap: GroupGap) {
        if let Some(work) = self.lanes.get_mut(&Lane(gap.lane)) {
            work.gaps.push(gap);
        }
    }

    /// A round came to nothing: everybody is told, and what was changed is loaded again before it is used.
    pub(super) fn fail(&mut self, round: Round, error: &Error) {
        tracing::warn!(group = %self.group, %error, "a group's round failed");
        self.gone |= matches!(error, Error::NoGroup | Error::Store(StoreError::Closed));
        for work in self.lanes.values_mut() {
            work.stale |= work.dirty;
            work.dirty = false;
        }
        for settling in round.settles {
            let _ = settling.answer.send(Err(again(error)));
        }
        for word in std::mem::take(&mut self.words) {
            let (Word::Settle(super::Settling { answer, .. }) | Word::Extend(_, answer)) = word;
            let _ = answer.send(Err(again(error)));
        }
        for (_, answer) in round.extends {
            let _ = answer.send(Err(again(error)));
        }
        let units = round.leaves.into_iter().map(|(_, answer)| answer);
        for answer in units.chain(round.raises.into_iter().map(|(_, answer)| answer)) {
            let _ = answer.send(Err(again(error)));
        }
        for (waiting, fetched) in round.given {
            // Stored or not: nobody has got it.
            self.not_got(fetched);
            let _ = waiting.answer.send(Err(again(error)));
        }
        for waiting in std::mem::take(&mut self.waiting) {
            let _ = waiting.answer.send(Err(again(error)));
        }
        self.not_before = Instant::now() + self.pauses.next();
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
