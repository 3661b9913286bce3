//! What the tests of the embedded log share.

use headwater_embedded::EmbeddedStore;
use headwater_store::{
    Append, Class, ClassesKey, Event, EventLog, Mark, Page, Position, ReadScope, Record, StreamName, Tenant,
};

pub(crate) fn tenant(name: &str) -> Tenant {
    name.parse().unwrap()
}

pub(crate) fn stream(name: &str) -> StreamName {
    name.parse().unwrap()
}

/// The event number `n` of a stream of the tenant `default`.
pub(crate) fn event(name: &str, n: usize, class: Class, mark: Mark) -> Append {
    of("default", name, n, class, mark)
}

pub(crate) fn of(tenant_name: &str, name: &str, n: usize, class: Class, mark: Mark) -> Append {
    let event = Event::builder("/test", format!("test.{class}.v1"))
        .id(format!("{name}/{n}"))
        .tenant(&tenant(tenant_name))
        .stream(&stream(name))
        .data(&serde_json::json!({ "n": n }))
        .build()
        .unwrap();
    Append { event, tenant: tenant(tenant_name), stream: stream(name), class, mark }
}

pub(crate) fn durable(name: &str, n: usize) -> Append {
    event(name, n, Class::Durable, Mark::None)
}

pub(crate) fn delta(name: &str, n: usize) -> Append {
    event(name, n, Class::Transient, Mark::None)
}

pub(crate) fn scope(name: &str) -> ReadScope {
    ReadScope::Stream(Tenant::default(), stream(name), ClassesKey::Visible)
}

pub(crate) async fn page(store: &EmbeddedStore, scope: &ReadScope, after: Position) -> Page {
    store.read(scope, after, 100_000, usize::MAX).await.unwrap()
}

pub(crate) async fn all(store: &EmbeddedStore, scope: &ReadScope) -> Vec<Record> {
    let mut records = Vec::new();
    let mut after = Position::ZERO;
    loop {
        let page = store.read(scope, after, 1000, 1 << 20).await.unwrap();
        records.extend(page.records);
        after = page.next;
        if !page.more {
            return records;
        }
    }
}

pub(crate) fn ids(records: &[Record]) -> Vec<String> {
    records.iter().map(|r| r.event().id().to_owned()).collect()
}

pub(crate) fn positions(records: &[Record]) -> Vec<u64> {
    records.iter().map(|r| r.position().0).collect()
}
