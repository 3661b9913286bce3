//! The log is read ahead of what is given out.

use std::sync::Arc;

use headwater_events::{Lane, Position};
use headwater_store::{Error as StoreError, Page};
use tokio::task::JoinError;

use super::{Engine, Round};
use crate::groups::{lane::LaneWork, log::PAGE};

/// A page of a lane.
pub(super) struct ReadAhead {
    lane: Lane,
    life: u64,
    after: Position,
    page: Result<Page, StoreError>,
}

impl Engine {
    /// Begins to read on in every lane of a worker here that has little at hand.
    pub(super) fn read_ahead(&mut self) {
        let here = &self.workers.here;
        for work in self.lanes.values_mut() {
            let is_here = work.state.owner.as_ref().is_some_and(|owner| here.contains_key(&owner.worker));
            if !is_here || work.reading || !work.more || work.has_enough() || work.stale {
                continue;
            }
            (work.reading, work.touched) = (true, false);
            let (store, scope) = (Arc::clone(&self.store), work.scope.clone());
            let (lane, life, after) = (work.lane, work.life, work.read_to);
            self.reads.spawn(async move {
                let page = store.read(&scope, after, PAGE.0, PAGE.1).await;
                ReadAhead { lane, life, after, page }
            });
        }
    }

    pub(super) fn have_read(&mut self, read: Result<ReadAhead, JoinError>) {
        let read = match read {
            Ok(read) => read,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return,
        };
        let still = |work: &&mut LaneWork| work.life == read.life && work.read_to == read.after;
        let Some(work) = self.lanes.get_mut(&read.lane).filter(still) else { return };
        match read.page {
            Ok(page) => work.take_page(page),
            Err(error) => {
                work.reading = false;
                self.fail(Round::default(), &error.into());
            }
        }
    }
}
