//! Events and publishers for the tests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use headwater_broker::{
    Broker, BrokerConfig, Error, EventBroker, EventPublisher, Item, Published, Subscription,
};
use headwater_bus::{EventBus, EventBusConfig};
use headwater_events::{Event, Scope, StreamName, Tenant, catalogue::NodeMessage};
use headwater_store::{Error as StoreError, MemoryOptions, MemoryStore};

pub(crate) async fn broker() -> Arc<dyn EventBroker> {
    let store = MemoryStore::new(MemoryOptions::default());
    Arc::new(Broker::open(Arc::new(store), BrokerConfig::default()).await.unwrap())
}

pub(crate) async fn bus() -> EventBus {
    EventBus::memory(EventBusConfig::silent()).await.unwrap()
}

pub(crate) fn scope(run: &str) -> Scope {
    Scope::Stream(Tenant::default(), StreamName::new(run.to_owned()).unwrap())
}

/// The nth message of a node in a run.
pub(crate) fn message(node: &str, run: &str, n: usize) -> Event {
    Event::of(format!("/nodes/{node}"), run, &NodeMessage::new(n.to_string())).build().unwrap()
}

/// What a message says.
pub(crate) fn said(event: &Event) -> String {
    event.data_as::<NodeMessage>().map_or_else(|_| event.ty().to_owned(), |payload| payload.message)
}

/// What messages 0 to `n` say.
pub(crate) fn numbers(n: usize) -> Vec<String> {
    (0..n).map(|n| n.to_string()).collect()
}

/// Everything that a run holds now.
pub(crate) async fn stored(broker: &Arc<dyn EventBroker>, run: &str) -> Vec<Event> {
    let mut events = broker.subscribe(Subscription::new(scope(run))).await.unwrap();
    let mut stored = Vec::new();
    while let Some(item) = events.next().await {
        match item.unwrap() {
            Item::Event(delivery) => stored.push(delivery.event().clone()),
            Item::CaughtUp(_) | Item::End(_) => break,
            Item::Gap(gap) => panic!("something is missing: {gap:?}"),
        }
    }
    stored
}

/// A broker that is away when told so, and can lose the answer to what it stored.
#[derive(Default)]
pub(crate) struct Harm {
    away: AtomicBool,
    /// After storing, the answer of so many publishes is lost.
    lose_answers: AtomicUsize,
    pub(crate) tried: AtomicUsize,
}

impl Harm {
    pub(crate) fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn lose_answers(&self, n: usize) {
        self.lose_answers.store(n, Ordering::SeqCst);
    }
}

pub(crate) struct Harmed {
    inner: Arc<dyn EventBroker>,
    harm: Arc<Harm>,
}

impl Harmed {
    pub(crate) fn over(inner: &Arc<dyn EventBroker>, harm: &Arc<Harm>) -> Arc<dyn EventPublisher> {
        Arc::new(Self { inner: Arc::clone(inner), harm: Arc::clone(harm) })
    }
}

#[async_trait]
impl EventPublisher for Harmed {
    async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        self.harm.tried.fetch_add(1, Ordering::SeqCst);
        if self.harm.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { reason: "told to be away".into() }.into());
        }
        let published = self.inner.publish(events).await?;
        let lose =
            self.harm.lose_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match lose {
            Ok(_) => Err(StoreError::Unknown { reason: "answer lost".into() }.into()),
            Err(_) => Ok(published),
        }
    }
}

/// Waits until something holds; fails after a while.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
