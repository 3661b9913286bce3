//! Lanes that cannot be changed now.

use headwater_events::Lane;
use tokio::time::Instant;

use super::{Engine, Word};

/// Some lanes of a store.
pub(super) struct Busy(Vec<bool>);

impl Busy {
    /// None of so many.
    pub(super) fn new(lanes: u16) -> Self {
        Self(vec![false; usize::from(lanes)])
    }

    pub(super) fn has(&self, lane: Lane) -> bool {
        self.0.get(usize::from(lane.0)).copied().unwrap_or(false)
    }

    pub(super) fn add(&mut self, lane: Lane) {
        // A lease that somebody made up may name any.
        if let Some(one) = self.0.get_mut(usize::from(lane.0)) {
            *one = true;
        }
    }

    /// Whether a word waits: then what comes after it waits for its lanes too, so that its turn comes.
    pub(super) fn hold(&mut self, word: &Word) -> bool {
        let mut busy = false;
        word.each_lane(|lane| busy |= self.has(lane));
        if busy {
            word.each_lane(|lane| self.add(lane));
        }
        busy
    }
}

impl Word {
    fn each_lane(&self, mut each: impl FnMut(Lane)) {
        match self {
            Self::Settle(settling) => settling.settlements.iter().for_each(|one| each(one.lease.lane)),
            Self::Extend(leases, _) => leases.iter().for_each(|lease| each(lease.lane)),
        }
    }
}

impl Engine {
    /// The lanes that are being stored, have just been, or must be loaded first.
    pub(super) fn busy(&self, now: Instant) -> Busy {
        let mut busy = Busy::new(self.store.lanes());
        for work in self.lanes.values() {
            if work.writing || work.stale || work.rests_until.is_some_and(|until| now < until) {
                busy.add(work.lane);
            }
        }
        busy
    }
}
