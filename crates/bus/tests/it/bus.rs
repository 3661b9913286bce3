//! Sinks and the bus's life.

use std::sync::Arc;

use headwater_broker::{Item, Subscription};
use headwater_bus::{
    EmitterError, Error, EventBus, EventBusConfig, SinkConfig, SinkState, sinks::MemorySink,
};
use headwater_events::{Filter, catalogue::WorkflowStarted};

use crate::support::{broker, bus, message, numbers, said, scope};

fn memories(n: usize) -> (Vec<MemorySink>, EventBusConfig) {
    let sinks: Vec<_> = (0..n).map(|_| MemorySink::new(100_000)).collect();
    let config = sinks.iter().enumerate().fold(EventBusConfig::silent(), |config, (n, sink)| {
        config.with_sink(SinkConfig::memory(sink.clone()).named(&format!("memory-{n}")))
    });
    (sinks, config)
}

fn shown(sink: &MemorySink) -> Vec<String> {
    sink.events().iter().map(said).collect()
}

#[tokio::test]
async fn every_sink_gets_every_event_in_order() {
    let (sinks, config) = memories(3);
    let bus = EventBus::memory(config).await.unwrap();
    bus.start().await.unwrap();
    for n in 0..2000 {
        bus.emitter().emit_async(message("a", "run", n)).await.unwrap();
    }
    bus.stop().await.unwrap();
    for sink in &sinks {
        assert_eq!(shown(sink), numbers(2000));
    }
    let whole =
        |sink: &MemorySink| sink.events().iter().map(|event| event.json().clone()).collect::<Vec<_>>();
    assert_eq!(whole(&sinks[0]), whole(&sinks[1]), "the time of an event is set once, not by each sink");
    assert_eq!(bus.metrics().dropped, 0);
}

#[tokio::test]
async fn stopping_drains_what_was_emitted_a_moment_before() {
    let (sinks, config) = memories(2);
    let bus = EventBus::memory(config).await.unwrap();
    bus.start().await.unwrap();
    for round in 1..=20 {
        for n in 0..50 {
            bus.emitter().emit(message("a", "run", n)).unwrap();
        }
        bus.stop().await.unwrap();
        assert!(sinks.iter().all(|sink| sink.events().len() == round * 50), "round {round}");
        bus.start().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_emitted_while_the_sinks_were_stopped_is_not_lost_to_them() {
    let (sinks, config) = memories(1);
    let bus = EventBus::memory(config).await.unwrap();
    bus.emitter().emit(message("a", "run", 0)).unwrap();
    bus.start().await.unwrap();
    bus.stop().await.unwrap();
    assert_eq!(shown(&sinks[0]), ["0"], "emitted before the first start");
    bus.emitter().emit(message("a", "run", 1)).unwrap();
    bus.start().await.unwrap();
    bus.emitter().emit(message("a", "run", 2)).unwrap();
    bus.stop().await.unwrap();
    assert_eq!(shown(&sinks[0]), ["0", "1", "2"]);
}

#[tokio::test]
async fn starting_often_makes_one_worker_and_stopping_when_idle_is_safe() {
    let (sinks, config) = memories(1);
    let bus = EventBus::memory(config).await.unwrap();
    bus.stop().await.unwrap();
    for _ in 0..5 {
        bus.start().await.unwrap();
    }
    bus.emitter().emit(message("a", "run", 0)).unwrap();
    bus.stop().await.unwrap();
    bus.stop().await.unwrap();
    assert_eq!(shown(&sinks[0]), ["0"]);
}

#[tokio::test]
async fn stopping_does_not_wait_for_emitters_that_go_on() {
    let (sinks, config) = memories(1);
    let bus = EventBus::memory(config).await.unwrap();
    bus.start().await.unwrap();
    let emitter = bus.emitter();
    let flood = tokio::spawn(async move {
        let mut n = 0;
        while emitter.emit_async(message("a", "run", n)).await.is_ok() {
            n += 1;
        }
        n
    });
    tokio::task::yield_now().await;
    bus.stop().await.unwrap();
    let at_stop = sinks[0].events().len();
    bus.close().await.unwrap();
    let emitted = flood.await.unwrap();
    assert!(at_stop <= emitted);
    assert!(matches!(bus.emitter().emit(message("a", "run", 0)), Err(EmitterError::Closed)));
}

#[tokio::test]
async fn a_sink_that_is_added_later_gets_what_comes_later() {
    let bus = bus().await;
    bus.start().await.unwrap();
    bus.emitter().publish(message("a", "run", 0)).await.unwrap();
    let late = MemorySink::new(10);
    bus.add_sink(SinkConfig::memory(late.clone())).await.unwrap();
    bus.emitter().emit(message("a", "run", 1)).unwrap();
    bus.stop().await.unwrap();
    assert_eq!(shown(&late), ["1"]);
}

#[tokio::test]
async fn a_sink_gets_what_its_filter_lets_through() {
    let sink = MemorySink::new(10);
    let wanted = Filter::types("workflow").unwrap();
    let config = EventBusConfig::silent().with_sink(SinkConfig::memory(sink.clone()).filter(wanted));
    let bus = EventBus::memory(config).await.unwrap();
    bus.start().await.unwrap();
    let started = headwater_events::Event::of("/nodes/a", "run", &WorkflowStarted::new()).build().unwrap();
    bus.emitter().emit(started).unwrap();
    bus.emitter().emit(message("a", "run", 1)).unwrap();
    bus.stop().await.unwrap();
    assert_eq!(shown(&sink), ["workflow.started.v1"]);
    assert_eq!(bus.sink_health().await[0].state, SinkState::Stopped);
}

#[tokio::test]
async fn the_defaults_are_those_of_the_documents() {
    let config = EventBusConfig::default();
    assert_eq!((config.buffer_capacity, config.sinks[0].name.as_str()), (1024, "stdout"));
    let twice = config.with_stdout().with_stdout();
    assert_eq!(twice.sinks.len(), 1, "a sink of the same name is there once");
    let bus = bus().await;
    assert_eq!(bus.metrics(), headwater_bus::EventHubMetrics { capacity: 1024, queued: 0, dropped: 0 });
    let none = EventBus::memory(EventBusConfig::silent().buffer_capacity(0)).await.unwrap_err();
    assert!(matches!(none, Error::Config { .. }));
}

#[tokio::test]
async fn many_emitters_keep_the_order_of_each() {
    let bus = bus().await;
    let mut tasks = tokio::task::JoinSet::new();
    for node in 0..8 {
        let emitter = bus.emitter();
        tasks.spawn(async move {
            for n in 0..300 {
                emitter.emit_async(message(&node.to_string(), "run", n)).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    bus.stop().await.unwrap();
    let events = crate::support::stored(bus.hub().broker(), "run").await;
    for node in 0..8 {
        let source = format!("/nodes/{node}");
        let own: Vec<_> = events.iter().filter(|event| event.source() == source).map(said).collect();
        assert_eq!(own, numbers(300));
    }
}

#[tokio::test]
async fn two_buses_over_one_broker_see_each_other_through_the_log() {
    let broker = broker().await;
    let sink = MemorySink::new(10);
    let config = EventBusConfig::silent().with_sink(SinkConfig::memory(sink.clone()));
    let one = EventBus::new(Arc::clone(&broker), config).await.unwrap();
    let two = EventBus::new(Arc::clone(&broker), EventBusConfig::silent()).await.unwrap();
    one.start().await.unwrap();
    let mut elsewhere = one.subscribe().await.unwrap();
    two.emitter().publish(message("a", "run", 7)).await.unwrap();
    let seen = loop {
        if let Item::Event(delivery) = elsewhere.next().await.unwrap().unwrap() {
            break said(delivery.event());
        }
    };
    assert_eq!(seen, "7");
    one.close().await.unwrap();
    two.close().await.unwrap();
    broker.subscribe(Subscription::new(scope("run"))).await.expect("a broker that was given stays open");
}

#[tokio::test]
async fn closing_a_bus_with_its_own_store_ends_its_subscriptions() {
    let bus = bus().await;
    let mut events = bus.subscribe_to(Subscription::new(scope("run"))).await.unwrap();
    bus.emitter().emit(message("a", "run", 0)).unwrap();
    bus.close().await.unwrap();
    let mut seen = Vec::new();
    while let Some(Ok(item)) = events.next().await {
        if let Item::Event(delivery) = item {
            seen.push(said(delivery.event()));
        }
    }
    assert_eq!(seen, ["0"], "what was stored comes before the end");
}
