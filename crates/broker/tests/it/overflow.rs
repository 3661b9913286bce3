//! What a reader that drops events still learns.

use std::sync::Arc;

use headwater_broker::{
    Broker, BrokerConfig, EventBroker, EventPublisher, EventSubscriber, Item, Overflow, Start, Subscription,
};
use headwater_events::{Event, Filter, Scope, StreamName, Tenant};
use headwater_store::{MemoryOptions, MemoryStore};

async fn broker() -> Broker {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    Broker::open(store, BrokerConfig::default()).await.expect("a broker")
}

fn event(ty: &str, text: &str) -> Event {
    let data = serde_json::json!({ "text": text });
    Event::builder("/test", ty).subject("wf-1").data(&data).build().expect("an event")
}

fn scope() -> Scope {
    Scope::Stream(Tenant::default(), StreamName::new("wf-1").expect("a name"))
}

#[tokio::test]
async fn a_reader_that_dropped_the_terminal_event_ends_all_the_same() {
    let broker = broker().await;
    broker.publish(&[event("workflow.started.v1", "")]).await.unwrap();
    let live = Subscription::new(scope()).start(Start::Live).overflow(Overflow::DropOldest(1));
    let mut reader = broker.subscribe(live).await.unwrap();
    assert!(matches!(reader.next().await, Some(Ok(Item::CaughtUp(_)))));
    let end =
        Event::builder("/test", "workflow.completed.v1").subject("wf-1").data_json("{}").build().unwrap();
    broker.publish(&[end, event("late.v1", "a"), event("late.v1", "b")]).await.unwrap();
    let mut seen = Vec::new();
    loop {
        match reader.next().await.unwrap().unwrap() {
            Item::Event(delivery) => seen.push(delivery.event().ty().to_owned()),
            Item::Gap(_) => seen.push("gap".into()),
            Item::End(_) => break,
            Item::CaughtUp(_) => {}
        }
    }
    assert_eq!(seen, ["gap", "late.v1"]);
}

#[tokio::test]
async fn a_page_ends_with_its_bytes_and_reading_on_misses_nothing() {
    let broker = broker().await;
    let text = "x".repeat(200_000);
    for n in 0..60 {
        broker.publish(&[event("note.v1", &format!("{n} {text}"))]).await.unwrap();
    }
    let (mut start, mut pages) = (Start::Earliest, Vec::new());
    loop {
        let page = broker.read(&scope(), &Filter::all(), start, 1_000).await.unwrap();
        pages.push(page.events.len());
        start = Start::After(page.next);
        if !page.more {
            break;
        }
    }
    assert_eq!(pages.iter().sum::<usize>(), 60);
    assert!(pages.iter().all(|events| *events <= 22), "a page is over its bytes: {pages:?}");
}

#[tokio::test]
async fn a_reader_of_the_tenant_is_told_of_a_deleted_stream() {
    let broker = broker().await;
    let scope = Scope::Tenant(Tenant::default());
    let mut reader = broker.subscribe(Subscription::new(scope).start(Start::Live)).await.unwrap();
    assert!(matches!(reader.next().await, Some(Ok(Item::CaughtUp(_)))));
    broker.publish(&[event("note.v1", "")]).await.unwrap();
    assert!(matches!(reader.next().await, Some(Ok(Item::Event(_)))));
    let name = StreamName::new("wf-1").unwrap();
    broker.delete_stream(&Tenant::default(), &name).await.unwrap();
    match reader.next().await {
        Some(Ok(Item::Gap(gap))) => assert_eq!(gap.stream, Some(name)),
        other => panic!("expected a gap, got {other:?}"),
    }
}
