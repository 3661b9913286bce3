//! What is on its way to the server.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// Batches without all their answers, by number, with the time they were sent at.
#[derive(Debug)]
pub(super) struct Waiting {
    batches: Mutex<(u64, BTreeMap<u64, Instant>)>,
    count: watch::Sender<usize>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { batches: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// The number of a new batch.
    pub(super) fn begin(&self) -> u64 {
        self.with(|(next, batches)| {
            *next += 1;
            batches.insert(*next, Instant::now());
            *next
        })
    }

    /// A batch has all its answers.
    pub(super) fn end(&self, number: u64) {
        self.with(|(_, batches)| batches.remove(&number));
    }

    /// How long the oldest has waited.
    pub(super) fn oldest(&self) -> Option<Duration> {
        let since = self.batches.lock().unwrap_or_else(PoisonError::into_inner).1.values().next().copied();
        since.map(|since| since.elapsed())
    }

    /// Waits until nothing is on its way.
    pub(super) async fn idle(&self) {
        // The sender lives as long as `self`.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    fn with<T>(&self, change: impl FnOnce(&mut (u64, BTreeMap<u64, Instant>)) -> T) -> T {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let out = change(&mut batches);
        self.count.send_replace(batches.1.len());
        out
    }
}
