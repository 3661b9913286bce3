//! What is on its way to the server.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::batch::Batch;

/// Batches without all their answers, by number, with the time they were sent at.
#[derive(Debug)]
pub(super) struct Waiting {
    batches: Mutex<Batches>,
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Batches {
    last: u64,
    waiting: BTreeMap<u64, (Instant, Arc<Batch>)>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { batches: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// A new batch.
    pub(super) fn begin(&self, records: usize, room: OwnedSemaphorePermit) -> Arc<Batch> {
        self.with(|batches| {
            batches.last += 1;
            let batch = Arc::new(Batch::new(batches.last, records, room));
            if records > 0 {
                batches.waiting.insert(batches.last, (Instant::now(), Arc::clone(&batch)));
            }
            batch
        })
    }

    /// A batch has all its answers.
    pub(super) fn end(&self, number: u64) {
        self.with(|batches| batches.waiting.remove(&number));
    }

    /// Everything that waits, which is no longer waited for.
    pub(super) fn take(&self) -> Vec<Arc<Batch>> {
        let waiting = self.with(|batches| std::mem::take(&mut batches.waiting));
        waiting.into_values().map(|(_, batch)| batch).collect()
    }

    /// How long the oldest has waited.
    pub(super) fn oldest(&self) -> Option<Duration> {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.waiting.values().next().map(|(since, _)| since.elapsed())
    }

    /// Waits until nothing is on its way.
    pub(super) async fn idle(&self) {
        // The sender lives as long as `self`.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    fn with<T>(&self, change: impl FnOnce(&mut Batches) -> T) -> T {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let out = change(&mut batches);
        self.count.send_replace(batches.waiting.len());
        out
    }
}
