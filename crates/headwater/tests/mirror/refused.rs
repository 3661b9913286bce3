//! Events that the target does not take.

use std::sync::Arc;

use headwater::{
    Broker, BrokerConfig, EventPublisher as _, MemoryOptions, MemoryStore, Policy,
    mirror::{End, MirrorOptions},
};

use crate::support::{broker, event, small, stored};

#[tokio::test]
async fn they_are_named_and_the_rest_is_copied() {
    let from = broker(MemoryOptions::default()).await;
    let large = |n: usize| {
        let text = "x".repeat(if n == 5 { 3_000 } else { 10 });
        event("wf-0", n).to_builder().data(&serde_json::json!({ "text": text })).build().unwrap()
    };
    let all: Vec<_> = (0..20).map(large).collect();
    from.publish(&all).await.unwrap();
    let config = BrokerConfig { max_event_bytes: 2_000, max_batch_bytes: 4_000, ..BrokerConfig::default() };
    let to = Broker::open(Arc::new(MemoryStore::new(MemoryOptions::default())), config).await.unwrap();
    let report = headwater::mirror(from.clone().into(), End::from(to.clone()), small()).await.unwrap();
    assert_eq!((report.stored, report.refused), (19, 1));
    assert!(!report.is_complete());
    let mut want = stored(&from, "wf-0").await;
    want.remove(5);
    assert_eq!(stored(&to, "wf-0").await, want);
    let report = headwater::mirror(from.into(), End::from(to), small()).await.unwrap();
    assert_eq!((report.stored, report.refused), (0, 0), "a refused event is passed once");
}

#[tokio::test]
async fn a_strict_target_refuses_types_it_does_not_know() {
    let from = broker(MemoryOptions::default()).await;
    crate::support::fill(&from, 1, 12).await;
    let config = BrokerConfig { policy: Policy::Strict, ..BrokerConfig::default() };
    let to = Broker::open(Arc::new(MemoryStore::new(MemoryOptions::default())), config).await.unwrap();
    let options = MirrorOptions { batch: 100, ..small() };
    let report = headwater::mirror(from.into(), End::from(to.clone()), options).await.unwrap();
    assert_eq!(report.stored + report.refused, 12, "{report:?}");
    assert!(report.refused >= 8, "notes are of no known type: {report:?}");
}
