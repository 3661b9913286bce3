//! Tells the group what became of its deliveries, many at once.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use headwater_broker::{Error, Settlement};
use tokio::sync::{Notify, Semaphore};

use super::Link;

/// The most verdicts of one call.
const BATCH: usize = 4096;

/// How long to wait for more verdicts before they are told: each call is a stored write of the group.
const GATHER: Duration = Duration::from_millis(1);

/// Verdicts that wait to be told.
pub(crate) struct Settler {
    waiting: Mutex<Vec<Settlement>>,
    wake: Notify,
    /// More will not follow soon.
    hurry: Notify,
    one: Semaphore,
}

impl Settler {
    pub(crate) fn new() -> Self {
        Self { waiting: Mutex::default(), wake: Notify::new(), hurry: Notify::new(), one: Semaphore::new(1) }
    }

    pub(crate) fn push(&self, settlement: Settlement) {
        let mut waiting = self.lock();
        waiting.push(settlement);
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            self.wake.notify_one();
        }
    }

    pub(crate) fn extend(&self, settlements: impl IntoIterator<Item = Settlement>) {
        self.lock().extend(settlements);
        self.wake.notify_one();
    }

    /// Nothing follows that could be told with what waits.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Tells the group whatever comes, without end. A call takes what has come while the last one was answered, so
    /// that the group's stored writes are shared.
    pub(crate) async fn run(&self, link: &Link) {
        loop {
            self.wake.notified().await;
            // Told at once where nothing more is on its way.
            let _ = tokio::time::timeout(GATHER, self.hurry.notified()).await;
            self.flush(link).await;
        }
    }

    /// Tells the group all that waits. Comes back when there is nothing left.
    pub(crate) async fn flush(&self, link: &Link) {
        let Ok(_one) = self.one.acquire().await else { return };
        let mut failures = 0;
        loop {
            let guard = Batch { settler: self, batch: self.take() };
            if guard.batch.is_empty() {
                return;
            }
            match link.groups.settle(&link.group, guard.batch.clone()).await {
                Ok(results) => {
                    for (settlement, result) in guard.done().into_iter().zip(results) {
                        if let Err(refused) = result {
                            link.meters.lost();
                            tracing::warn!(group = %link.group, lease = %settlement.lease, code = refused.code(),
                                "a verdict came too late: the event is somebody else's by now");
                        }
                    }
                    failures = 0;
                }
                Err(Error::NoGroup) => {
                    // Deleted: nobody wants to know.
                    guard.done();
                }
                Err(error) => {
                    drop(guard);
                    failures += 1;
                    link.status.waits(&link.meters, &error);
                    tokio::time::sleep(link.backoff.after(failures, link.random.fraction())).await;
                }
            }
        }
    }

    fn take(&self) -> Vec<Settlement> {
        let mut waiting = self.lock();
        if waiting.len() <= BATCH {
            let room = Vec::with_capacity(waiting.len());
            return std::mem::replace(&mut *waiting, room);
        }
        let rest = waiting.split_off(BATCH);
        std::mem::replace(&mut *waiting, rest)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Settlement>> {
        // Nothing under this lock can panic half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Verdicts that are being told: dropped before they were, they wait again. Telling twice is safe.
struct Batch<'a> {
    settler: &'a Settler,
    batch: Vec<Settlement>,
}

impl Batch<'_> {
    fn done(mut self) -> Vec<Settlement> {
        std::mem::take(&mut self.batch)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
            let mut waiting = self.settler.lock();
            let newer = std::mem::replace(&mut *waiting, std::mem::take(&mut self.batch));
            waiting.extend(newer);
        }
    }
}
