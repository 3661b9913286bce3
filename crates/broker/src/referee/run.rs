//! One run as the referee knows it.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use headwater_events::{Event, EventError, Position, Scope, run_state::RunState};
use headwater_store::Store;

use crate::{Error, reader::History};

/// How many of a run's latest events are recognized when they are sent again.
const RECENT: usize = 4_096;
/// How much of the log is read at once.
const PAGE: (usize, usize) = (4_096, 4 * 1024 * 1024);

/// The state of a run, and its latest events by (source, id).
#[derive(Clone, Default)]
pub(super) struct Run {
    state: RunState,
    recent: HashSet<(String, String)>,
    order: VecDeque<(String, String)>,
    read: bool,
}

impl Run {
    /// Folds what the log has of the run.
    pub(super) async fn read(store: &Arc<dyn Store>, scope: &Scope) -> Result<Self, Error> {
        let history = History::new(Arc::clone(store), scope.clone());
        let mut run = Self { read: true, ..Self::default() };
        let mut after = Position::ZERO;
        loop {
            let page = history.page(after, PAGE.0, PAGE.1).await?;
            for record in &page.records {
                // What the log has is what happened, right or wrong.
                let _ = run.state.apply(record.event());
                run.remember(record.event());
            }
            after = page.next;
            if !page.more {
                return Ok(run);
            }
        }
    }

    pub(super) fn is_read(&self) -> bool {
        self.read
    }

    /// Takes the next event, or says which rule it breaks.
    pub(super) fn judge(&mut self, event: &Event) -> Result<(), EventError> {
        if self.recent.contains(&key(event)) {
            return Ok(());
        }
        if let Some(violation) = self.state.apply(event).into_iter().next() {
            return Err(violation.into());
        }
        self.remember(event);
        Ok(())
    }

    fn remember(&mut self, event: &Event) {
        if self.recent.insert(key(event)) {
            self.order.push_back(key(event));
            if self.order.len() > RECENT
                && let Some(oldest) = self.order.pop_front()
            {
                self.recent.remove(&oldest);
            }
        }
    }
}

fn key(event: &Event) -> (String, String) {
    (event.source().to_owned(), event.id().to_owned())
}
