//! When there is something to do without a call.

use std::{collections::HashSet, time::Duration};

use tokio::time::Instant;

use super::{Engine, IDLE, Waiting};
use crate::groups::lane::LaneWork;

/// How long a fetch waits for all of its worker's lanes, where some could serve it.
const GATHER: Duration = Duration::from_millis(20);
/// How much longer than it wanted a fetch waits for what is being read or stored.
const PATIENCE: Duration = Duration::from_secs(1);

impl Waiting {
    /// Whether it has waited long enough to be served by some of its worker's lanes.
    pub(super) fn takes_some(&self, now: Instant) -> bool {
        now >= self.since + GATHER
    }

    /// Whether it is answered with nothing; `quiet` where nothing is on its way either.
    pub(super) fn is_over(&self, now: Instant, quiet: bool) -> bool {
        self.answer.is_closed() || now >= if quiet { self.until } else { self.until + PATIENCE }
    }

    fn wakes_at(&self, now: Instant) -> Instant {
        let over = if now < self.until { self.until } else { self.until + PATIENCE };
        if self.takes_some(now) { over } else { over.min(self.since + GATHER) }
    }
}

impl Engine {
    /// Whether something is due for which no lane may be being stored.
    pub(super) fn wants_quiet(&self, now: Instant) -> bool {
        let asked = &self.asked;
        let speaks = !self.waiting.is_empty() || !self.words.is_empty();
        asked.look
            || asked.share
            || !asked.leaves.is_empty()
            || !asked.raises.is_empty()
            || (now >= self.next_look && !self.workers.here.is_empty())
            || (speaks && self.lanes.values().any(|work| work.stale))
    }

    pub(super) fn wakes_at(&self) -> Instant {
        let now = Instant::now();
        if self.wants_quiet(now) {
            // What is being stored wakes when it is.
            return if self.writes.is_empty() { self.not_before.max(now) } else { now + IDLE };
        }
        let mut at = if self.workers.here.is_empty() { now + IDLE } else { self.next_look };
        if !self.waiting.is_empty() || !self.words.is_empty() {
            let rests = self.lanes.values().filter_map(|work| work.rests_until.filter(|until| *until > now));
            at = rests.fold(at, Instant::min);
        }
        at = self.waiting.iter().map(|waiting| waiting.wakes_at(now)).fold(at, Instant::min);
        self.due_at(now).map_or(at, |due| due.min(at)).max(self.not_before)
    }

    /// When the next retry is due that somebody waits for.
    fn due_at(&self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        let asking: HashSet<_> = self.waiting.iter().map(|waiting| &waiting.fetch.worker).collect();
        let own = self.lanes.values().filter(|work| {
            let asks = work.state.owner.as_ref().is_some_and(|owner| asking.contains(&owner.worker));
            let rests = work.rests_until.is_some_and(|until| now < until);
            asks && !rests && !work.writing && !work.stale && !work.draining
        });
        let due_ms = own.filter_map(LaneWork::next_due).min()?;
        let wait = u64::try_from(due_ms.saturating_sub(self.now_ms())).unwrap_or(0).max(1);
        Some(now + Duration::from_millis(wait))
    }
}
