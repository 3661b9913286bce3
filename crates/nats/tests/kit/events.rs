//! Events for tests.

use std::time::Duration;

use futures_util::StreamExt;
use headwater_events::{Class, Event, Mark, Position};
use headwater_store::{
    Append, ClassesKey, EventLog, Follow, FollowItem, FollowScope, Gap, ReadScope, Record,
};

pub fn event(name: &str, n: usize, class: Class) -> Append {
    let event = Event::builder("/tests", format!("tests.{class}.v1"))
        .id(format!("{name}/{n}"))
        .tenant(&"default".parse().unwrap())
        .stream(&name.parse().unwrap())
        .data(&serde_json::json!({ "n": n }))
        .build()
        .unwrap();
    Append {
        event,
        tenant: "default".parse().unwrap(),
        stream: name.parse().unwrap(),
        class,
        mark: Mark::None,
    }
}

pub fn durable(name: &str, n: usize) -> Append {
    event(name, n, Class::Durable)
}

pub fn sized(name: &str, n: usize, bytes: usize) -> Append {
    let mut one = durable(name, n);
    let empty = one.event.to_builder().data(&"").build().unwrap().json().len();
    one.event = one.event.to_builder().data(&"x".repeat(bytes - empty)).build().unwrap();
    assert_eq!(one.event.json().len(), bytes);
    one
}

pub fn scope(name: &str) -> ReadScope {
    ReadScope::Stream("default".parse().unwrap(), name.parse().unwrap(), ClassesKey::Visible)
}

/// Everything of a scope.
pub async fn read(store: &impl EventLog, scope: &ReadScope) -> (Vec<Record>, Vec<Gap>) {
    let (mut records, mut gaps, mut next) = (Vec::new(), Vec::new(), Position::ZERO);
    loop {
        let page = store.read(scope, next, 500, 1 << 22).await.unwrap();
        records.extend(page.records);
        gaps.extend(page.gaps);
        next = page.next;
        if !page.more {
            return (records, gaps);
        }
    }
}

pub fn ids(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| record.event().id().to_owned()).collect()
}

pub async fn follow(store: &impl EventLog) -> Follow {
    store.follow(&FollowScope::All, store.tail().await.unwrap()).await.unwrap()
}

/// The next item of a follower, which comes soon.
pub async fn next(follow: &mut Follow) -> FollowItem {
    tokio::time::timeout(Duration::from_secs(30), follow.next()).await.expect("soon").unwrap().unwrap()
}

/// The ids of the next so many events.
pub async fn next_ids(follow: &mut Follow, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        match next(follow).await {
            FollowItem::Batch(batch) => all.extend(ids(&batch)),
            other => panic!("an event, not {other:?}"),
        }
    }
    all
}
