//! Sinks that fail, are slow, or are gone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use headwater_broker::Item;
use headwater_bus::{
    DiagnosticKind, Error, EventBus, EventBusConfig, EventSink, Part, SinkConfig, SinkError, SinkState,
    sinks::{MemorySink, RotateOptions},
};
use headwater_events::{Event, StreamName};

use crate::support::{broker, message, numbers, said, stored};

/// Fails as a script says, one word for each call; then it takes everything.
#[derive(Clone)]
struct Scripted {
    script: Arc<Vec<&'static str>>,
    calls: Arc<AtomicUsize>,
    taken: MemorySink,
}

impl Scripted {
    fn new(script: &[&'static str]) -> Self {
        Self { script: Arc::new(script.to_vec()), calls: Arc::default(), taken: MemorySink::new(10_000) }
    }

    fn config(&self) -> SinkConfig {
        let this = self.clone();
        SinkConfig::custom("scripted", move || Ok(Box::new(this.clone())))
    }
}

#[async_trait]
impl EventSink for Scripted {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        match self.script.get(self.calls.fetch_add(1, Ordering::SeqCst)) {
            Some(&"retry") => Err(SinkError::Retry("not now".to_owned())),
            Some(&"refuse") => Err(SinkError::Refused("not this one".to_owned())),
            Some(&"over") => Err(SinkError::Over("nobody is there".to_owned())),
            Some(&"panic") => panic!("told to"),
            _ => self.taken.handle(item).await,
        }
    }
}

/// A bus with a scripted sink and a good one, after five events.
async fn five(script: &[&'static str]) -> (EventBus, Scripted, MemorySink) {
    let (scripted, good) = (Scripted::new(script), MemorySink::new(100));
    let config = EventBusConfig::silent()
        .with_sink(scripted.config())
        .with_sink(SinkConfig::memory(good.clone()))
        .diagnostics_to(StreamName::new("diagnostics").unwrap());
    let bus = EventBus::memory(config).await.unwrap();
    bus.start().await.unwrap();
    for n in 0..5 {
        bus.emitter().emit(message("a", "run", n)).unwrap();
    }
    (bus, scripted, good)
}

fn of_run(sink: &MemorySink) -> Vec<String> {
    sink.events().iter().filter(|event| event.stream() == "run").map(said).collect()
}

#[tokio::test]
async fn a_sink_that_fails_for_a_while_loses_nothing_and_says_so() {
    let (bus, scripted, good) = five(&["ok", "retry", "retry", "retry"]).await;
    let mut told = bus.diagnostics();
    bus.stop().await.unwrap();
    assert_eq!(of_run(&scripted.taken), numbers(5));
    assert_eq!(of_run(&good), numbers(5));
    let health = &bus.sink_health().await[0];
    assert_eq!((health.errors, health.refused, health.last_error.as_deref()), (3, 0, Some("not now")));
    let mut kinds = Vec::new();
    while let Some(told) = told.try_next() {
        assert_eq!(told.part, Part::Sink("scripted".to_owned()));
        kinds.push(told.kind);
    }
    assert_eq!(kinds, [DiagnosticKind::Failing, DiagnosticKind::Recovered]);
}

#[tokio::test]
async fn an_event_that_a_sink_refuses_is_counted_and_the_others_come() {
    for script in [&["ok", "refuse"][..], &["ok", "panic"]] {
        let (bus, scripted, good) = five(script).await;
        bus.stop().await.unwrap();
        assert_eq!(of_run(&scripted.taken), ["0", "2", "3", "4"]);
        assert_eq!(of_run(&good), numbers(5));
        assert_eq!(bus.sink_health().await[0].refused, 1);
    }
}

#[tokio::test]
async fn a_sink_that_is_over_stops_alone() {
    let (bus, scripted, good) = five(&["ok", "over"]).await;
    let mut told = bus.diagnostics();
    while told.next().await.unwrap().kind != DiagnosticKind::Stopped {}
    assert_eq!(bus.sink_health().await[0].state, SinkState::Over);
    bus.stop().await.unwrap();
    assert_eq!(of_run(&scripted.taken), ["0"]);
    assert_eq!(of_run(&good), numbers(5));
}

#[tokio::test]
async fn diagnostics_are_events_where_that_is_wished() {
    let (bus, ..) = five(&["refuse"]).await;
    bus.stop().await.unwrap();
    let mut told = Vec::new();
    for _ in 0..3000 {
        told = stored(bus.hub().broker(), "diagnostics").await;
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(told[0].ty(), "diagnostic.message.v1");
    let quiet = EventBus::memory(EventBusConfig::silent()).await.unwrap();
    assert!(stored(quiet.hub().broker(), "diagnostics").await.is_empty());
}

#[tokio::test]
async fn a_sink_that_never_recovers_does_not_hold_up_the_stop() {
    let scripted = Scripted::new(&["retry"; 10_000]);
    let mut config = EventBusConfig::silent().with_sink(scripted.config());
    config.drain_timeout = Duration::from_millis(100);
    let bus = EventBus::memory(config).await.unwrap();
    bus.start().await.unwrap();
    bus.emitter().emit(message("a", "run", 0)).unwrap();
    let error = bus.stop().await.unwrap_err();
    assert!(matches!(&error, Error::NotDrained { left, .. } if left.contains("scripted")), "{error}");
}

#[tokio::test]
async fn a_channel_whose_receiver_is_gone_is_over() {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let bus =
        EventBus::memory(EventBusConfig::silent().with_sink(SinkConfig::channel(sender))).await.unwrap();
    bus.start().await.unwrap();
    for n in 0..20 {
        bus.emitter().emit(message("a", "run", n)).unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 20 {
        if let Item::Event(delivery) = receiver.recv().await.unwrap() {
            seen.push(said(delivery.event()));
        }
    }
    assert_eq!(seen, numbers(20), "a channel with room for one loses nothing");
    drop(receiver);
    let mut told = bus.diagnostics();
    bus.emitter().emit(message("a", "run", 20)).unwrap();
    let told = told.next().await.unwrap();
    assert_eq!((told.kind, told.detail.as_str()), (DiagnosticKind::Stopped, "the receiver is gone"));
}

#[tokio::test]
async fn files_have_one_event_a_line_and_go_on_where_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    std::fs::write(&path, "{\"torn\":").unwrap();
    for life in 0..2 {
        let config = EventBusConfig::silent().with_sink(SinkConfig::json_lines(&path));
        let bus = EventBus::memory(config).await.unwrap();
        bus.start().await.unwrap();
        bus.emitter().emit(message("a", "run", life)).unwrap();
        bus.close().await.unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let (torn, lines) = text.split_once('\n').unwrap();
    assert_eq!(torn, "{\"torn\":");
    let events: Vec<Event> = lines.lines().map(|line| Event::from_json(line.to_owned()).unwrap()).collect();
    assert_eq!(events.iter().map(said).collect::<Vec<_>>(), ["0", "1"]);
}

#[tokio::test]
async fn full_files_are_turned_over_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        RotateOptions { max_bytes: 1_000, keep: 2, ..RotateOptions::new(folder.path().join("log")) };
    let bus = EventBus::memory(EventBusConfig::silent().with_sink(SinkConfig::rotating_file(options)));
    let bus = bus.await.unwrap();
    bus.start().await.unwrap();
    for n in 0..40 {
        bus.emitter().emit(message("a", "run", n)).unwrap();
    }
    bus.close().await.unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let all = [read("log.2"), read("log.1"), read("log")].concat();
    let kept: Vec<String> =
        all.lines().map(|line| said(&Event::from_json(line.to_owned()).unwrap())).collect();
    let expected: Vec<String> = numbers(40).split_off(40 - kept.len());
    assert_eq!(kept, expected, "the newest, in order, none twice");
    assert!(kept.len() < 40 && read("log.3").is_empty());
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let config = EventBusConfig::silent().with_sink(SinkConfig::json_lines("/nowhere/at/all/events.jsonl"));
    let error = EventBus::memory(config).await.unwrap().start().await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all/events.jsonl"), "{error}");
    assert_eq!(error.code(), "bad-configuration");
}

/// A full disk: `/dev/full` takes nothing and says so.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told_and_hurts_nobody_else() {
    let good = MemorySink::new(100);
    let mut config = EventBusConfig::silent()
        .with_sink(SinkConfig::json_lines("/dev/full"))
        .with_sink(SinkConfig::memory(good.clone()));
    config.drain_timeout = Duration::from_millis(300);
    let bus = EventBus::memory(config).await.unwrap();
    let mut told = bus.diagnostics();
    bus.start().await.unwrap();
    bus.emitter().emit(message("a", "run", 0)).unwrap();
    let first = told.next().await.unwrap();
    assert_eq!(first.kind, DiagnosticKind::Failing);
    assert!(first.detail.contains("/dev/full"), "{}", first.detail);
    assert!(matches!(bus.stop().await, Err(Error::NotDrained { .. })));
    assert_eq!(of_run(&good), ["0"]);
}

#[tokio::test]
async fn another_broker_gets_the_events_as_they_are() {
    let there = broker().await;
    let bus = EventBus::memory(EventBusConfig::silent().with_sink(SinkConfig::broker(there.clone())));
    let bus = bus.await.unwrap();
    bus.start().await.unwrap();
    for n in 0..600 {
        bus.emitter().emit_async(message("a", "run", n)).await.unwrap();
    }
    bus.stop().await.unwrap();
    let here = stored(bus.hub().broker(), "run").await;
    let ids = |events: &[Event]| events.iter().map(|event| event.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&here), ids(&stored(&there, "run").await));
}
