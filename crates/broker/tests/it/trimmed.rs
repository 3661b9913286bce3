//! What was trimmed is told once, however long the run is.

use std::{sync::Arc, time::Duration};

use headwater_broker::{Broker, BrokerConfig, EventPublisher, EventSubscriber, Item, Subscription};
use headwater_events::{Event, Scope, StreamName, Tenant};
use headwater_store::{EventLog, GapReason, ManualClock, MemoryOptions, MemoryStore};

#[tokio::test]
async fn a_run_of_many_pages_has_one_gap_for_its_trimmed_deltas() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let options = MemoryOptions { clock: Arc::new(clock.clone()), ..MemoryOptions::default() };
    let store = Arc::new(MemoryStore::new(options));
    let broker = Broker::open(Arc::clone(&store) as _, BrokerConfig::default()).await.unwrap();
    let event = |n: usize| {
        let ty = if n.is_multiple_of(2) { "note.v1" } else { "llm.delta.v1" };
        let data = serde_json::json!({ "text": "t" });
        Event::builder("/test", ty).id(n.to_string()).subject("wf-1").data(&data).build().unwrap()
    };
    for first in (0..6_000).step_by(500) {
        let batch: Vec<_> = (first..first + 500).map(event).collect();
        broker.publish(&batch).await.unwrap();
    }
    clock.advance(Duration::from_secs(36 * 3600));
    store.trim().await.unwrap();

    let scope = Scope::Stream(Tenant::default(), StreamName::new("wf-1").unwrap());
    let mut reader = broker.subscribe(Subscription::new(scope)).await.unwrap();
    let (mut gaps, mut events) = (Vec::new(), 0);
    loop {
        match reader.next().await.unwrap().unwrap() {
            Item::Gap(gap) => gaps.push(gap.reason),
            Item::Event(_) => events += 1,
            Item::CaughtUp(_) => break,
            Item::End(_) => panic!("the run has not ended"),
        }
    }
    assert_eq!((gaps, events), (vec![GapReason::Trimmed], 3_000));
}
