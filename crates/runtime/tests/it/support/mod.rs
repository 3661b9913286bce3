//! What the tests share.

pub(crate) mod model_server;

use std::sync::Arc;

use headwater_broker::{Broker, BrokerConfig, EventBroker, Item, Subscription};
use headwater_events::{
    Class, Event, Policy, Scope, StreamName, Tenant,
    run_state::{self, RunState},
};
use headwater_runtime::{App, Checkpoints, GraphBuilder, NodeContext, NodeError, RuntimeConfig, Update};
use headwater_store::{MemoryOptions, MemoryStore};

/// A broker in memory that refuses what breaks the rules of a run.
pub(crate) async fn strict() -> Arc<dyn EventBroker> {
    let store = MemoryStore::new(MemoryOptions::default());
    let config = BrokerConfig { policy: Policy::Strict, ..BrokerConfig::default() };
    Arc::new(Broker::open(Arc::new(store), config).await.unwrap())
}

/// A broker in memory.
pub(crate) async fn lenient() -> Arc<dyn EventBroker> {
    let store = MemoryStore::new(MemoryOptions::default());
    Arc::new(Broker::open(Arc::new(store), BrokerConfig::default()).await.unwrap())
}

/// An app over a strict broker in memory, with checkpoints.
pub(crate) async fn app(graph: GraphBuilder) -> App {
    graph.with_runtime_config(config(strict().await)).unwrap()
}

pub(crate) fn config(broker: Arc<dyn EventBroker>) -> RuntimeConfig {
    RuntimeConfig::silent()
        .with_broker(broker)
        .with_checkpoints(Checkpoints::EveryStep)
        .with_lease(std::time::Duration::from_secs(1))
}

pub(crate) fn run_name(name: &str) -> StreamName {
    StreamName::new(name.to_owned()).unwrap()
}

/// Everything that readers see of a run now.
pub(crate) async fn events(app: &App, run: &StreamName) -> Vec<Event> {
    stored(app.bus().await.unwrap().hub().broker(), run.as_str()).await
}

/// Everything that readers see of a stream now.
pub(crate) async fn stored(broker: &Arc<dyn EventBroker>, run: &str) -> Vec<Event> {
    let scope = Scope::Stream(Tenant::default(), run_name(run));
    let mut stream = broker.subscribe(Subscription::new(scope)).await.unwrap();
    let mut events = Vec::new();
    while let Some(item) = stream.next().await {
        match item.unwrap() {
            Item::Event(delivery) => events.push(delivery.event().clone()),
            Item::CaughtUp(_) | Item::End(_) => break,
            Item::Gap(gap) => panic!("something is missing: {gap:?}"),
        }
    }
    events
}

pub(crate) fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::ty).collect()
}

pub(crate) fn of_type<'a>(events: &'a [Event], ty: &str) -> Vec<&'a Event> {
    events.iter().filter(|event| event.ty() == ty).collect()
}

/// No rule of a run is broken, the run has ended, and no number is missing.
pub(crate) fn assert_sound(events: &[Event]) {
    assert_eq!(run_state::check(events), [], "{:?}", types(events));
    let mut state = RunState::new();
    for event in events {
        drop(state.apply(event));
    }
    assert_eq!(state.finish(), [], "{:?}", types(events));
    assert_dense(events);
}

/// Each source has numbered its durable events without a hole.
pub(crate) fn assert_dense(events: &[Event]) {
    let mut last = std::collections::HashMap::new();
    for event in events.iter().filter(|event| event.class() == Class::Durable) {
        let n = last.entry(event.source()).or_insert(0);
        *n += 1;
        assert_eq!(event.sequence(), Some(*n), "{} of {}", event.ty(), event.source());
    }
}

/// A node that notes its name in the list `ran`.
pub(crate) fn note(
    name: &'static str,
) -> impl Fn(NodeContext) -> std::future::Ready<Result<Update, NodeError>> {
    move |_| std::future::ready(Ok(Update::new().set("ran", name)))
}

/// Waits until something holds; fails after a while.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Starts a run and loses the process, as far as one process can play two: the runtime it ran in is gone when an event
/// like this is in the stream, and nobody renews its lease.
pub(crate) async fn lose(app: &App, run: &StreamName, at: impl Fn(&Event) -> bool + Send + 'static) {
    let scope = Scope::Stream(Tenant::default(), run.clone());
    let broker = Arc::clone(app.config().broker.as_ref().unwrap());
    let (app, name) = (app.clone(), run.clone());
    let lost = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async move {
            let mut events = broker.subscribe(Subscription::new(scope)).await.unwrap();
            let handle = app.start(Some(name), headwater_runtime::State::new()).await.unwrap();
            loop {
                match events.next().await.unwrap().unwrap() {
                    Item::Event(delivery) if at(delivery.event()) => break,
                    _ => {}
                }
            }
            drop(handle);
        });
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(move || lost.join().unwrap()).await.unwrap();
}
