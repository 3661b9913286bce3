//! Brokers with runs in them, and what a broker has.

use std::{sync::Arc, time::Duration};

use headwater::{
    Broker, BrokerConfig, Event, EventBroker, EventPublisher as _, EventSubscriberExt as _, Filter,
    MemoryOptions, MemoryStore, Scope, StreamName, Tenant, mirror::MirrorOptions,
};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A broker over a memory store.
pub(crate) async fn broker(options: MemoryOptions) -> Broker {
    Broker::open(Arc::new(MemoryStore::new(options)), BrokerConfig::default()).await.unwrap()
}

/// A broker that recognizes no id: whatever is sent twice is stored twice.
pub(crate) async fn forgetful() -> Broker {
    broker(MemoryOptions { dedup_window: None, ..MemoryOptions::default() }).await
}

pub(crate) fn name(text: &str) -> StreamName {
    text.parse().unwrap()
}

/// An event of a run: every third is a delta.
pub(crate) fn event(stream: &str, n: usize) -> Event {
    let ty = if n.is_multiple_of(3) { "llm.delta.v1" } else { "my.note.v1" };
    Event::builder("/test", ty)
        .id(format!("{stream}-{n}"))
        .stream(&name(stream))
        .subject(format!("{stream}/part/{n}"))
        .time("2026-11-21T07:00:00Z".parse().unwrap())
        .data(&serde_json::json!({ "n": n, "text": "word " }))
        .build()
        .unwrap()
}

/// Publishes so many events into each of so many runs, the runs in turn.
pub(crate) async fn fill(broker: &Broker, runs: usize, events: usize) {
    for n in 0..events {
        let batch: Vec<Event> = (0..runs).map(|run| event(&format!("wf-{run}"), n)).collect();
        broker.publish(&batch).await.unwrap();
    }
}

/// The JSON of every visible event of a stream, in order.
pub(crate) async fn stored(broker: &dyn EventBroker, stream: &str) -> Vec<String> {
    let scope = Scope::Stream(Tenant::default(), name(stream));
    let all = broker.read_all(&scope, &Filter::all()).await.unwrap();
    all.iter().map(|d| String::from_utf8(d.event().json().to_vec()).unwrap()).collect()
}

/// Both brokers have the same events of these runs in the same order.
pub(crate) async fn same(from: &dyn EventBroker, to: &dyn EventBroker, runs: usize) {
    for run in 0..runs {
        let stream = format!("wf-{run}");
        assert_eq!(stored(from, &stream).await, stored(to, &stream).await, "{stream}");
    }
}

/// Small batches, so that there are many marks.
pub(crate) fn small() -> MirrorOptions {
    MirrorOptions { batch: 7, side_by_side: 3, ..MirrorOptions::default() }
}
