//! What can be seen of a store from outside while its server is harmed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{super::Faults, BACK};
use crate::{StatusKind, Store};

/// How many connections more than it has a store may try to open within a second.
const A_FEW: u64 = 5;

/// The status of a store, as it changed.
pub(super) struct Statuses {
    seen: Arc<Mutex<Vec<StatusKind>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Statuses {
    pub(super) fn of(store: &Arc<dyn Store>) -> Self {
        let mut status = store.status();
        let seen = Arc::new(Mutex::new(vec![status.borrow_and_update().kind]));
        let notes = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while status.changed().await.is_ok() {
                let kind = status.borrow_and_update().kind;
                notes.lock().unwrap_or_else(PoisonError::into_inner).push(kind);
            }
        });
        Self { seen, task }
    }

    fn kinds(&self) -> Vec<StatusKind> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It went away meanwhile, and comes back.
    pub(super) async fn away_and_back(self) {
        self.back().await;
        let kinds = self.kinds();
        assert!(kinds.iter().any(|kind| *kind != StatusKind::Ready), "the status never said so: {kinds:?}");
    }

    /// It is there, or comes back.
    pub(super) async fn back(&self) {
        let start = Instant::now();
        while self.kinds().last() != Some(&StatusKind::Ready) {
            assert!(start.elapsed() < BACK, "the store does not come back: {:?}", self.kinds());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Statuses {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Counts attempts to connect until `work` is done: never more than a few a second beyond the connections there were.
pub(super) async fn while_counting<T>(faults: &dyn Faults, work: impl Future<Output = T>) -> T {
    let Some(open) = faults.attempts() else {
        return work.await;
    };
    let count = async {
        // The attempts of the last second, ten times a second.
        let mut window = std::collections::VecDeque::from([open]);
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = faults.attempts().unwrap_or_default();
            let before = if window.len() > 9 { window.pop_front() } else { window.front().copied() };
            let new = now - before.unwrap_or(open);
            assert!(
                new <= open + A_FEW,
                "{new} attempts to connect within a second, with {open} connections"
            );
            window.push_back(now);
        }
    };
    tokio::select! {
        done = work => done,
        () = count => unreachable!("counting does not end"),
    }
}
