//! Strict tenants: what breaks the rules of its run is refused, what is sent again is not.

use std::{collections::HashMap, sync::Arc, time::Duration};

use headwater_broker::{
    Broker, BrokerConfig, Error, EventBroker, EventPublisher, EventSubscriber, Policy, Start,
};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_events::{Event, Filter, Scope, StreamName, Tenant};
use headwater_store::{
    EventLog, ManualClock, MemoryOptions, MemoryStore, Store,
    suite::{Shape, Shaped},
};

fn strict() -> Tenant {
    Tenant::new("strict").expect("a name")
}

async fn broker<S: Store>(store: &Arc<S>) -> Broker {
    let config = BrokerConfig {
        tenant_policies: HashMap::from([(strict(), Policy::Strict)]),
        ..BrokerConfig::default()
    };
    Broker::open(Arc::clone(store) as _, config).await.expect("a broker")
}

fn event(tenant: &Tenant, ty: &str) -> Event {
    Event::builder("/test", ty).subject("wf-1").tenant(tenant).data_json("{}").build().expect("an event")
}

fn code(result: Result<Vec<headwater_broker::Published>, Error>) -> (String, usize) {
    match result {
        Err(Error::InvalidEvent { index, error }) => (error.code().to_string(), index),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn a_run_keeps_its_order_and_a_refused_batch_leaves_nothing() {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let broker = broker(&store).await;
    let tenant = strict();
    let start = event(&tenant, "workflow.started.v1");
    let end = event(&tenant, "workflow.completed.v1");

    assert_eq!(code(broker.publish(std::slice::from_ref(&end)).await), ("invalid-transition".into(), 0));
    assert_eq!(code(broker.publish(&[event(&tenant, "no.such.type")]).await), ("unknown-type".into(), 0));
    let twice = [start.clone(), event(&tenant, "workflow.started.v1")];
    assert_eq!(code(broker.publish(&twice).await), ("invalid-transition".into(), 1));
    let scope = Scope::Stream(tenant.clone(), StreamName::new("wf-1").unwrap());
    let page = broker.read(&scope, &Filter::all(), Start::Earliest, 10).await.unwrap();
    assert!(page.events.is_empty(), "a refused batch left something");

    broker.publish(&[start.clone(), end.clone()]).await.unwrap();
    let again = broker.publish(&[start, end]).await.unwrap();
    assert!(
        again.iter().all(|published| published.duplicate),
        "what is sent again is answered as a duplicate"
    );
    assert_eq!(
        code(broker.publish(&[event(&tenant, "workflow.completed.v1")]).await),
        ("invalid-transition".into(), 0)
    );
}

#[tokio::test]
async fn a_broker_that_meets_a_run_for_the_first_time_reads_it() {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let tenant = strict();
    broker(&store).await.publish(&[event(&tenant, "workflow.started.v1")]).await.unwrap();
    let other = broker(&store).await;
    assert_eq!(
        code(other.publish(&[event(&tenant, "workflow.started.v1")]).await),
        ("invalid-transition".into(), 0)
    );
    other.delete_stream(&tenant, &StreamName::new("wf-1").unwrap()).await.unwrap();
    other.publish(&[event(&tenant, "workflow.started.v1")]).await.unwrap();
}

#[tokio::test]
async fn other_tenants_are_not_judged() {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let tenant = Tenant::default();
    broker(&store)
        .await
        .publish(&[event(&tenant, "workflow.completed.v1"), event(&tenant, "any.type")])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_publisher_that_goes_away_leaves_its_run_usable() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).await.unwrap();
    let config = BrokerConfig { policy: Policy::Strict, ..BrokerConfig::default() };
    let broker = Broker::open(Arc::new(store), config).await.unwrap();
    let tenant = Tenant::default();
    let start = event(&tenant, "workflow.started.v1");
    // Polled once, then dropped: the event is on its way to the disk and nobody waits for it.
    let gone = futures_util::poll!(std::pin::pin!(broker.publish(std::slice::from_ref(&start))));
    assert!(gone.is_pending());
    broker.publish(&[start]).await.unwrap();
    broker.publish(&[event(&tenant, "workflow.completed.v1")]).await.unwrap();
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_run_whose_beginning_retention_took_goes_on() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let options = MemoryOptions { clock: Arc::new(clock.clone()), ..MemoryOptions::default() };
    let store = Arc::new(MemoryStore::new(options));
    let tenant = strict();
    broker(&store).await.publish(&[event(&tenant, "workflow.started.v1")]).await.unwrap();
    clock.advance(Duration::from_secs(8 * 24 * 3600));
    store.trim().await.unwrap();
    broker(&store).await.publish(&[event(&tenant, "workflow.completed.v1")]).await.unwrap();
}

#[tokio::test]
async fn what_another_process_published_counts() {
    let tenant = strict();
    for shape in [Shape::ByTenant, Shape::ByLane] {
        let store = Arc::new(Shaped::new(shape, &MemoryOptions::default()));
        let (here, there) = (broker(&store).await, broker(&store).await);
        let start = event(&tenant, "workflow.started.v1");
        let end = event(&tenant, "workflow.completed.v1");
        here.publish(std::slice::from_ref(&start)).await.unwrap();
        let again = event(&tenant, "workflow.started.v1");
        assert_eq!(code(there.publish(&[again]).await), ("invalid-transition".into(), 0));
        there.publish(&[start]).await.unwrap();
        there.publish(&[end]).await.unwrap();
        let late = event(&tenant, "workflow.completed.v1");
        assert_eq!(code(here.publish(std::slice::from_ref(&late)).await), ("invalid-transition".into(), 0));
        let stream = StreamName::new("wf-1").unwrap();
        assert!(store.remove(&tenant, &stream).await.unwrap(), "by somebody else");
        here.publish(&[event(&tenant, "workflow.started.v1")]).await.unwrap();
        there.publish(&[late]).await.unwrap();
    }
}
