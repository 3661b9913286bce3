//! Brokers, events and handlers that remember, for the tests of workers.
#![allow(dead_code, unreachable_pub)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use headwater_broker::{
    Broker, BrokerConfig, ConsumerGroups, DeadLetter, EventPublisher, Group, GroupConfig, Start,
};
use headwater_events::{Event, Position, StreamName, Tenant};
use headwater_store::{MemoryOptions, MemoryStore};
use headwater_worker::{Backoff, Builder, Policy, Random, Worker};

/// Short, for what is about leases; everything else must not be decided by a busy machine.
pub const LEASE: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(60);

/// What a handler was called for: the id and the attempt.
pub type Seen = Arc<Mutex<Vec<(String, u32)>>>;

pub async fn broker() -> Arc<Broker> {
    let store = MemoryStore::new(MemoryOptions::default());
    Arc::new(Broker::open(Arc::new(store), BrokerConfig::default()).await.expect("a broker"))
}

pub fn group(name: &str) -> Group {
    Group::of(Tenant::default(), name.parse().expect("a name"))
}

fn config(lease: Duration) -> GroupConfig {
    GroupConfig { lease, max_attempts: 3, ..GroupConfig::default() }
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A worker with short waits and a short lease.
pub fn hasty(groups: Arc<dyn ConsumerGroups>, name: &str) -> Builder {
    worker(groups, name).create(Start::Earliest, config(LEASE))
}

/// A worker with short waits.
pub fn worker(groups: Arc<dyn ConsumerGroups>, name: &str) -> Builder {
    Worker::builder(groups, group(name))
        .create(Start::Earliest, config(Duration::from_secs(60)))
        .policy(Policy::new().backoff(Backoff::new(ms(10), ms(50))))
        .broker_backoff(Backoff::new(ms(10), ms(50)))
        .random(Random::new())
}

/// The nth event of a stream, of a type that no catalogue knows.
pub fn note(stream: &str, n: usize) -> Event {
    typed(stream, n, "test.note.v1", &serde_json::json!({ "n": n }))
}

pub fn typed(stream: &str, n: usize, ty: &str, data: &serde_json::Value) -> Event {
    let name: StreamName = stream.parse().expect("a name");
    let builder = Event::builder("/test", ty).id(format!("{stream}/{n}")).stream(&name).subject(stream);
    builder.data(data).build().expect("a good event")
}

pub async fn publish(broker: &Broker, events: &[Event]) {
    for batch in events.chunks(500) {
        broker.publish(batch).await.expect("good events are stored");
    }
}

pub async fn letters(broker: &Broker, name: &str) -> Vec<DeadLetter> {
    broker.dead_letters(&group(name), &Default::default(), Position::ZERO, 1000).await.expect("letters")
}

/// Waits until something is so.
pub async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let start = tokio::time::Instant::now();
    while !so().await {
        assert!(start.elapsed() < PATIENCE, "{what} within {PATIENCE:?}");
        tokio::time::sleep(ms(5)).await;
    }
}

/// Waits until a group has nothing open.
pub async fn settled(broker: &Broker, name: &str) {
    until("everything is settled", async || {
        let info = broker.group(&group(name)).await.expect("an answer");
        info.is_some_and(|info| info.lag_events == Some(0) && info.in_flight == 0)
    })
    .await;
}
