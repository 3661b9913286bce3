//! The ways to read a stream.

use std::time::Duration;

use futures_util::StreamExt as _;
use headwater_broker::{Item, Lag, Overflow, Polled, Subscription};
use headwater_bus::EventStream;

use crate::support::{bus, message, numbers, said, scope, stored};

fn shown(item: &Item) -> Option<String> {
    match item {
        Item::Event(delivery) => Some(said(delivery.event())),
        Item::Gap(gap) => panic!("something is missing: {gap:?}"),
        Item::CaughtUp(_) | Item::End(_) => None,
    }
}

/// A stream behind its `CaughtUp`.
async fn live(bus: &headwater_bus::EventBus) -> EventStream {
    let mut events = bus.subscribe_to(Subscription::new(scope("run"))).await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(Item::CaughtUp(_)))));
    events
}

#[tokio::test]
async fn a_quiet_stream_is_told_from_one_with_an_event_and_from_one_that_is_over() {
    let bus = bus().await;
    let mut events = live(&bus).await;
    assert!(matches!(events.next_timeout(Duration::from_millis(5)).await, Polled::Idle));
    bus.emitter().emit(message("a", "run", 0)).unwrap();
    let item = events.next_timeout(Duration::from_secs(30)).await.item().unwrap();
    assert_eq!(shown(&item).unwrap(), "0");
    bus.close().await.unwrap();
    assert!(matches!(events.next_timeout(Duration::from_secs(30)).await, Polled::Ready(Err(_))));
    assert!(matches!(events.next_timeout(Duration::from_secs(30)).await, Polled::Over));
}

#[tokio::test]
async fn looking_without_waiting_gives_what_is_there() {
    let bus = bus().await;
    let mut events = live(&bus).await;
    assert!(matches!(events.try_recv(), Polled::Idle));
    for n in 0..3 {
        bus.emitter().publish(message("a", "run", n)).await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match events.try_recv() {
            Polled::Ready(item) => seen.extend(shown(&item.unwrap())),
            Polled::Idle => tokio::time::sleep(Duration::from_millis(1)).await,
            Polled::Over => panic!("over"),
        }
    }
    assert_eq!(seen, numbers(3));
    // What was looked for goes on where it was, by any other way of reading.
    assert!(matches!(events.try_recv(), Polled::Idle));
    bus.emitter().emit(message("a", "run", 3)).unwrap();
    assert_eq!(shown(&events.next().await.unwrap().unwrap()).unwrap(), "3");
}

#[tokio::test]
async fn it_is_a_stream_of_the_futures_crates() {
    let bus = bus().await;
    let events = live(&bus).await;
    for n in 0..40 {
        bus.emitter().emit(message("a", "run", n)).unwrap();
    }
    let seen: Vec<_> = events.filter_map(async |item| shown(&item.unwrap())).take(40).collect().await;
    assert_eq!(seen, numbers(40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_reads_with_an_iterator() {
    let bus = bus().await;
    let mut events = live(&bus).await.into_blocking_iter(&tokio::runtime::Handle::current());
    let (quiet, is_quiet) = tokio::sync::oneshot::channel();
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while seen.len() < 500 {
            seen.extend(shown(&events.next().unwrap().unwrap()));
        }
        assert!(matches!(events.try_recv(), Polled::Idle));
        assert!(matches!(events.next_timeout(Duration::from_millis(1)), Polled::Idle));
        quiet.send(()).unwrap();
        let last = events.next_timeout(Duration::from_secs(30));
        (seen, shown(&last.item().unwrap()).unwrap())
    });
    for n in 0..500 {
        bus.emitter().emit_async(message("a", "run", n)).await.unwrap();
    }
    // An assertion that fails there drops the sender.
    if is_quiet.await.is_ok() {
        bus.emitter().emit_async(message("a", "run", 500)).await.unwrap();
    }
    let (seen, last) = tokio::task::spawn_blocking(move || reader.join().unwrap()).await.unwrap();
    assert_eq!((seen, last.as_str()), (numbers(500), "500"));
}

#[tokio::test]
async fn a_reader_tells_how_far_it_is_behind() {
    let bus = bus().await;
    let mut events = live(&bus).await;
    assert_eq!(events.lag(), Lag::Events(0));
    for n in 0..10 {
        bus.emitter().publish(message("a", "run", n)).await.unwrap();
    }
    events.next().await.unwrap().unwrap();
    for _ in 0..3000 {
        if events.lag() == Lag::Events(9) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(events.lag(), Lag::Events(9));
    for n in 0..5_000 {
        bus.emitter().emit_async(message("a", "run", n)).await.unwrap();
    }
    bus.emitter().flush().await.unwrap();
    for _ in 0..3000 {
        if events.lag() == Lag::BehindTheHub {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(events.lag(), Lag::BehindTheHub);
}

/// Upstream's bar is half of a thousand.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_lose_nothing_under_load() {
    let bus = bus().await;
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..8 {
        let mut events = bus.subscribe_to(Subscription::new(scope("run"))).await.unwrap();
        readers.spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 10_000 {
                seen.extend(shown(&events.next().await.unwrap().unwrap()));
                if seen.len() % 1000 == reader {
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
            }
            assert_eq!(seen, numbers(10_000));
        });
    }
    for n in 0..10_000 {
        bus.emitter().emit_async(message("a", "run", n)).await.unwrap();
    }
    while let Some(done) = readers.join_next().await {
        done.unwrap();
    }
    assert_eq!(bus.metrics().dropped, 0);
    assert_eq!(stored(bus.hub().broker(), "run").await.len(), 10_000);
}

#[tokio::test]
async fn what_a_reader_chose_to_lose_is_told() {
    let bus = bus().await;
    let wanted = Subscription::new(scope("run")).overflow(Overflow::DropOldest(1));
    let mut events = bus.subscribe_to(wanted).await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(Item::CaughtUp(_)))));
    for n in 0..2 {
        bus.emitter().emit(message("a", "run", n)).unwrap();
    }
    bus.emitter().flush().await.unwrap();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "1") {
        seen.push(match events.next().await.unwrap().unwrap() {
            Item::Event(delivery) => said(delivery.event()),
            Item::Gap(gap) => gap.reason.to_string(),
            other => panic!("{other:?}"),
        });
    }
    assert!(seen == ["overflow", "1"] || seen == ["0", "1"], "{seen:?}");
}
