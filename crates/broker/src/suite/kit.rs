//! Events, scopes and brokers for the clauses.

use headwater_events::{Cursor, Event, Filter, Scope, StreamName, Tenant};
use headwater_store::{ManualClock, Retention};
use jiff::Timestamp;
use serde_json::json;

use super::{Factory, Setup, Subject};
use crate::{EventBroker, Published, Start};

/// A broker with everything as it is by default.
pub(super) async fn plain(factory: &dyn Factory) -> Box<dyn Subject> {
    factory.make(setup()).await
}

/// A broker whose rings hold 16 events.
pub(super) async fn tight(factory: &dyn Factory) -> Box<dyn Subject> {
    factory.make(Setup { ring_events: 16, ..setup() }).await
}

/// The defaults, on a clock that stands still until it is told to move.
pub(super) fn setup() -> Setup {
    let start = Timestamp::from_second(1_790_000_000).unwrap_or(Timestamp::UNIX_EPOCH);
    Setup { ring_events: 1024, retention: Retention::default(), clock: ManualClock::new(start), harm: false }
}

pub(super) fn tenant(name: &str) -> Tenant {
    Tenant::new(name.to_owned()).expect("a tenant's name")
}

pub(super) fn name(name: &str) -> StreamName {
    StreamName::new(name.to_owned()).expect("a stream's name")
}

/// One stream of the default tenant.
pub(super) fn stream(stream: &str) -> Scope {
    Scope::Stream(Tenant::default(), name(stream))
}

/// Several streams of the default tenant.
pub(super) fn streams(names: &[&str]) -> Scope {
    Scope::Streams(Tenant::default(), names.iter().map(|n| name(n)).collect())
}

/// The id of the nth event of a stream.
pub(super) fn id(stream: &str, n: usize) -> String {
    format!("{stream}/{n}")
}

/// The ids of some events of a stream.
pub(super) fn ids(stream: &str, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| id(stream, n)).collect()
}

/// The nth event of a stream: durable, of a type that no catalogue knows.
pub(super) fn note(stream: &str, n: usize) -> Event {
    typed(stream, n, "suite.note.v1", stream, &json!({ "n": n }))
}

/// As [`note`], with a payload of about `bytes`.
pub(super) fn padded(stream: &str, n: usize, bytes: usize) -> Event {
    typed(stream, n, "suite.note.v1", stream, &json!({ "n": n, "pad": "x".repeat(bytes) }))
}

/// The nth event of a stream: a piece of a model's text, transient.
pub(super) fn delta(stream: &str, n: usize, part: &str, text: &str) -> Event {
    let subject = format!("{stream}/llm/{part}");
    typed(stream, n, "llm.delta.v1", &subject, &json!({ "text": text, "part": part }))
}

/// The nth event of a stream: for the runtime only.
pub(super) fn checkpoint(stream: &str, n: usize) -> Event {
    typed(stream, n, "checkpoint.saved.v1", stream, &json!({ "step": "s" }))
}

/// The nth event of a stream: opens the run.
pub(super) fn started(stream: &str, n: usize) -> Event {
    typed(stream, n, "workflow.started.v1", stream, &json!({}))
}

/// The nth event of a stream: ends the run.
pub(super) fn completed(stream: &str, n: usize) -> Event {
    typed(stream, n, "workflow.completed.v1", stream, &json!({}))
}

/// The nth event of a stream: reopens the run.
pub(super) fn resumed(stream: &str, n: usize) -> Event {
    typed(stream, n, "workflow.resumed.v1", stream, &json!({}))
}

/// The nth event of a stream, of any type.
pub(super) fn typed(stream: &str, n: usize, ty: &str, subject: &str, data: &serde_json::Value) -> Event {
    let builder =
        Event::builder("/suite", ty).id(id(stream, n)).stream(&name(stream)).subject(subject).data(data);
    builder.build().expect("a good event")
}

/// Publishes a batch that must be accepted, and gives the answers.
pub(super) async fn publish(broker: &dyn EventBroker, events: &[Event]) -> Vec<Published> {
    let published = broker.publish(events).await.expect("a good batch is stored");
    assert_eq!(published.len(), events.len(), "one answer for each event");
    published
}

/// Publishes notes `range` of a stream in batches of 200 and gives their cursors.
pub(super) async fn publish_notes(
    broker: &dyn EventBroker,
    stream: &str,
    range: std::ops::Range<usize>,
) -> Vec<Cursor> {
    let events: Vec<_> = range.map(|n| note(stream, n)).collect();
    publish_all(broker, &events).await
}

/// Publishes events in batches of 200, fewer where they are large, and gives their cursors.
pub(super) async fn publish_all(broker: &dyn EventBroker, events: &[Event]) -> Vec<Cursor> {
    let mut cursors = Vec::with_capacity(events.len());
    let largest = events.iter().map(|event| event.json().len()).max().unwrap_or(1);
    for batch in events.chunks((3_000_000 / largest).clamp(1, 200)) {
        cursors.extend(publish(broker, batch).await.iter().map(|p| p.cursor.clone()));
    }
    cursors
}

/// The ids of everything a read gives, page by page.
pub(super) async fn read_ids(
    broker: &dyn EventBroker,
    scope: &Scope,
    filter: &Filter,
    start: Start,
) -> Vec<String> {
    let (mut ids, mut start) = (Vec::new(), start);
    loop {
        let page = broker.read(scope, filter, start, 500).await.expect("a page");
        assert!(page.gaps.is_empty(), "no gap was expected: {:?}", page.gaps);
        ids.extend(page.events.iter().map(|d| d.event().id().to_owned()));
        if !page.more {
            return ids;
        }
        start = Start::After(page.next);
    }
}
