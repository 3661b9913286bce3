//! A broker that does not do as it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use headwater_broker::{Error, EventPublisher, Published};
use headwater_events::Event;
use headwater_store::Error as StoreError;

/// What it does to a batch before the broker behind it sees it.
type Judge = dyn Fn(&[Event]) -> Mood + Send + Sync;

/// What becomes of a batch.
#[derive(Debug)]
pub(crate) enum Mood {
    /// It goes through.
    Well,
    /// It does not arrive.
    Away,
    /// It arrives, and the answer is lost.
    Mute,
}

/// Stands before a broker.
pub(crate) struct Broken {
    inner: Arc<dyn EventPublisher>,
    judge: Mutex<Arc<Judge>>,
    calls: AtomicU64,
}

impl Broken {
    pub(crate) fn new(
        inner: Arc<dyn EventPublisher>,
        judge: impl Fn(&[Event]) -> Mood + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { inner, judge: Mutex::new(Arc::new(judge)), calls: AtomicU64::new(0) })
    }

    /// Changes its mind.
    pub(crate) fn mend(&self) {
        *self.judge.lock().unwrap() = Arc::new(|_| Mood::Well);
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl EventPublisher for Broken {
    async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let judge = Arc::clone(&self.judge.lock().unwrap());
        match judge(events) {
            Mood::Well => self.inner.publish(events).await,
            Mood::Away => Err(StoreError::unavailable("gone fishing").into()),
            Mood::Mute => {
                self.inner.publish(events).await?;
                Err(StoreError::Unknown { reason: "the answer was lost".to_owned() }.into())
            }
        }
    }
}
