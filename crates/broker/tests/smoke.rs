//! The broker over the memory store, the shortest way through it.

use std::sync::Arc;

use headwater_broker::{
    Broker, BrokerConfig, EventBroker, EventPublisher, EventSubscriber, Item, Overflow, Start, Subscription,
};
use headwater_events::{Event, Scope, StreamName, Tenant};
use headwater_store::{MemoryOptions, MemoryStore};

async fn broker() -> Broker {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    Broker::open(store, BrokerConfig { ring_events: 16, ..BrokerConfig::default() }).await.unwrap()
}

fn scope(stream: &str) -> Scope {
    Scope::Stream(Tenant::default(), StreamName::new(stream.to_owned()).unwrap())
}

fn event(stream: &str, ty: &str) -> Event {
    Event::builder("/test", ty).subject(stream).build().unwrap()
}

#[tokio::test]
async fn a_reader_that_came_first_sees_everything_and_the_end() {
    let broker = broker().await;
    let mut reader = broker.subscribe(Subscription::new(scope("wf-1"))).await.unwrap();
    for i in 0..1000 {
        let ty = match i {
            0 => "workflow.started.v1",
            999 => "workflow.completed.v1",
            _ => "note.v1",
        };
        broker.publish(&[event("wf-1", ty)]).await.unwrap();
    }
    let mut events = 0;
    let mut caught_up = 0;
    while let Some(item) = reader.next().await {
        match item.unwrap() {
            Item::Event(_) => events += 1,
            Item::CaughtUp(_) => caught_up += 1,
            Item::End(_) => break,
            Item::Gap(gap) => panic!("{gap:?}"),
        }
    }
    assert_eq!((events, caught_up), (1000, 1));
    assert!(reader.next().await.is_none());
    let again =
        Subscription::new(scope("wf-1")).start(Start::After(reader.cursor())).overflow(Overflow::Conflate);
    let mut again = broker.subscribe(again).await.unwrap();
    assert!(matches!(again.next().await, Some(Ok(Item::CaughtUp(_)))));
    assert!(matches!(again.next().await, Some(Ok(Item::End(_)))));
    broker.close().await.unwrap();
}
