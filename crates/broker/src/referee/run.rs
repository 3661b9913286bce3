//! One run as the referee knows it.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use headwater_events::{Epoch, Event, EventError, Position, Scope, run_state::RunState};
use headwater_store::{GapReason, Store};

use crate::{Error, reader::History};

/// How many of a run's latest events are recognized when they are sent again.
const RECENT: usize = 2_048;
/// How much of the log is read at once.
const PAGE: (usize, usize) = (4_096, 4 * 1024 * 1024);

/// The state of a run, and its latest events by (source, id).
#[derive(Default)]
pub(super) struct Run {
    state: RunState,
    recent: HashSet<u64>,
    order: VecDeque<u64>,
    hasher: RandomState,
    /// The log was read; without it nothing is known.
    read: bool,
    /// How far.
    upto: Position,
    /// Of which numbering, and from which beginning: a run that was deleted begins anew.
    log: Option<(Epoch, Option<Position>)>,
    /// The run's beginning is gone, so that what is open cannot be told: its events pass.
    truncated: bool,
}

/// Where a run stood before a batch.
pub(super) struct Mark {
    state: RunState,
    events: usize,
}

impl Run {
    /// Folds what the log has of the run, behind what was read before if it is the same run still.
    pub(super) async fn read(&mut self, store: &Arc<dyn Store>, scope: &Scope) -> Result<(), Error> {
        let history = History::new(Arc::clone(store), scope.clone(), None);
        let log = (store.epoch(), history.run().await?.map(|run| run.first));
        if !self.read || self.log != Some(log) {
            *self = Self { log: Some(log), ..Self::default() };
        }
        self.read = false;
        loop {
            let page = history.page(self.upto, PAGE.0, PAGE.1).await?;
            // Deltas open and close nothing; anything else that is missing may have.
            self.truncated |= page.gaps.iter().any(|gap| gap.reason != GapReason::Trimmed);
            for record in &page.records {
                // What the log has is what happened, right or wrong.
                let _ = self.state.apply(record.event());
                self.remember(record.event());
            }
            self.upto = page.next;
            if !page.more {
                self.read = true;
                return Ok(());
            }
        }
    }

    pub(super) fn is_read(&self) -> bool {
        self.read
    }

    /// Where the run stands now, to come back to.
    pub(super) fn mark(&self) -> Mark {
        Mark { state: self.state.clone(), events: 0 }
    }

    /// Undoes what was judged since the mark.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.state = mark.state;
        for _ in 0..mark.events {
            if let Some(newest) = self.order.pop_back() {
                self.recent.remove(&newest);
            }
        }
    }

    /// Takes the next event, or says which rule it breaks.
    pub(super) fn judge(&mut self, event: &Event, mark: &mut Mark) -> Result<(), EventError> {
        if self.truncated || self.recent.contains(&self.key(event)) {
            return Ok(());
        }
        if let Some(violation) = self.state.apply(event).into_iter().next() {
            return Err(violation.into());
        }
        self.remember(event);
        mark.events += 1;
        Ok(())
    }

    fn remember(&mut self, event: &Event) {
        let key = self.key(event);
        if self.recent.insert(key) {
            self.order.push_back(key);
            if self.order.len() > RECENT
                && let Some(oldest) = self.order.pop_front()
            {
                self.recent.remove(&oldest);
            }
        }
    }

    fn key(&self, event: &Event) -> u64 {
        self.hasher.hash_one((event.source(), event.id()))
    }
}
