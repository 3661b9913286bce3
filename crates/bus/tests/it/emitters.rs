//! Emitters: room, order, numbers, stores that are away.

use std::{sync::Arc, time::Duration};

use headwater_bus::{Emitter, EmitterError, EmitterOptions, EventEmitter, WhenFull, emitter::StoreState};
use headwater_events::{Event, catalogue::Dropped};
use serde_json::json;

use crate::support::{Harm, Harmed, broker, bus, message, numbers, said, stored, until};

fn options(capacity: usize, when_full: WhenFull) -> EmitterOptions {
    EmitterOptions { capacity, when_full, retry_max: Duration::from_millis(20), ..EmitterOptions::default() }
}

/// An emitter whose store is away, and the way to it.
async fn away(
    capacity: usize,
    when_full: WhenFull,
) -> (Arc<Emitter>, Arc<Harm>, Arc<dyn headwater_broker::EventBroker>) {
    let (broker, harm) = (broker().await, Arc::<Harm>::default());
    harm.away(true);
    let emitter = Emitter::new(Harmed::over(&broker, &harm), options(capacity, when_full));
    (emitter, harm, broker)
}

#[tokio::test]
async fn emitting_without_any_subscriber_is_no_error() {
    let bus = bus().await;
    for n in 0..10 {
        bus.emitter().emit(message("a", "run", n)).unwrap();
    }
    bus.stop().await.unwrap();
    assert_eq!(stored(bus.hub().broker(), "run").await.len(), 10);
}

#[tokio::test]
async fn durable_events_of_each_source_are_numbered_without_a_hole() {
    let bus = bus().await;
    for n in 0..20 {
        bus.emitter().emit(message(["a", "b"][n % 2], "run", n)).unwrap();
        let progress =
            Event::builder("/nodes/a", "progress.v1").subject("run").data(&json!({})).build().unwrap();
        bus.emitter().emit(progress).unwrap();
    }
    bus.stop().await.unwrap();
    let events = stored(bus.hub().broker(), "run").await;
    for node in ["/nodes/a", "/nodes/b"] {
        let own = events.iter().filter(|event| event.source() == node);
        let numbers: Vec<_> = own.filter_map(Event::sequence).collect();
        assert_eq!(numbers, (1..=10).collect::<Vec<_>>(), "{node}");
    }
}

#[tokio::test]
async fn a_full_queue_says_so_and_why() {
    let (emitter, _, _) = away(4, WhenFull::Error).await;
    for n in 0..4 {
        emitter.emit(message("a", "run", n)).unwrap();
    }
    until("the store is known to be away", || emitter.status().store != StoreState::Ready).await;
    let error = emitter.emit(message("a", "run", 4)).unwrap_err();
    assert_eq!(error.code(), "backpressure");
    assert!(error.to_string().contains("told to be away"), "{error}");
    assert!(matches!(
        emitter.emit_async(message("a", "run", 4)).await,
        Err(EmitterError::Backpressure { .. })
    ));
}

#[tokio::test]
async fn what_is_dropped_is_told_in_the_stream_once_and_takes_no_number() {
    let (emitter, harm, broker) = away(4, WhenFull::DropNewest).await;
    for n in 0..9 {
        emitter.emit(message("a", "run", n)).unwrap();
    }
    harm.away(false);
    emitter.flush().await.unwrap();
    emitter.emit(message("a", "run", 9)).unwrap();
    emitter.flush().await.unwrap();
    let events = stored(&broker, "run").await;
    let shown: Vec<_> = events.iter().map(said).collect();
    assert_eq!(shown, ["0", "1", "2", "3", "dropped.v1", "9"]);
    let told: Dropped = events[4].data_as().unwrap();
    assert_eq!(
        (serde_json::to_value(told.n).unwrap(), told.of.as_deref()),
        (json!(5), Some("node.message.v1"))
    );
    let sequence: Vec<_> = events.iter().filter_map(Event::sequence).collect();
    assert_eq!(sequence, [1, 2, 3, 4, 5, 6]);
    assert_eq!(emitter.status().dropped, 5);
}

#[tokio::test]
async fn waiting_for_room_ends_when_there_is_room() {
    let (emitter, harm, broker) = away(2, WhenFull::Block(Duration::from_secs(60))).await;
    let late = Arc::clone(&emitter);
    let task = tokio::spawn(async move {
        for n in 0..50 {
            late.emit_async(message("a", "run", n)).await.unwrap();
        }
    });
    until("two wait", || emitter.status().queued == 2).await;
    harm.away(false);
    task.await.unwrap();
    emitter.flush().await.unwrap();
    assert_eq!(stored(&broker, "run").await.iter().map(said).collect::<Vec<_>>(), numbers(50));
}

#[tokio::test]
async fn a_wait_in_vain_is_not_repeated_until_there_is_room() {
    let (emitter, harm, _) = away(1, WhenFull::Block(Duration::from_millis(200))).await;
    emitter.emit_async(message("a", "run", 0)).await.unwrap();
    emitter.emit_async(message("a", "run", 1)).await.unwrap_err();
    for n in 2..100 {
        let mut again = std::pin::pin!(emitter.emit_async(message("a", "run", n)));
        let polled = futures_util::poll!(again.as_mut());
        assert!(matches!(polled, std::task::Poll::Ready(Err(_))), "it waits again");
    }
    harm.away(false);
    emitter.flush().await.unwrap();
    emitter.emit_async(message("a", "run", 100)).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_stores_nothing_twice_and_keeps_the_order() {
    let (broker, harm) = (broker().await, Arc::<Harm>::default());
    harm.lose_answers(3);
    let emitter = Emitter::new(Harmed::over(&broker, &harm), options(64, WhenFull::Error));
    for n in 0..60 {
        emitter.emit(message("a", "run", n)).unwrap();
    }
    emitter.flush().await.unwrap();
    let events = stored(&broker, "run").await;
    assert_eq!(events.iter().map(said).collect::<Vec<_>>(), numbers(60));
    assert_eq!(events.iter().filter_map(Event::sequence).collect::<Vec<_>>(), (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_that_is_refused_is_told_and_leaves_no_hole() {
    let broker = broker().await;
    let emitter = Emitter::new(broker.clone(), options(64, WhenFull::Error));
    let wrong = Event::builder("/nodes/a", "node.message.v1").subject("run").data(&json!({ "message": 5 }));
    emitter.emit(message("a", "run", 0)).unwrap();
    emitter.emit(wrong.build().unwrap()).unwrap();
    emitter.emit(message("a", "run", 1)).unwrap();
    emitter.flush().await.unwrap();
    emitter.flush().await.unwrap();
    let events = stored(&broker, "run").await;
    assert_eq!(events.iter().map(said).collect::<Vec<_>>(), ["0", "1", "dropped.v1"]);
    assert_eq!(events.iter().filter_map(Event::sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(emitter.status().refused, 1);
}

#[tokio::test]
async fn who_waits_for_the_log_is_told_why_it_refused() {
    let bus = bus().await;
    let big = "x".repeat(300 * 1024);
    let event =
        Event::builder("/nodes/a", "custom.v1").subject("run").data(&json!({ "name": "n", "value": big }));
    let error = bus.emitter().publish(event.build().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "event-too-large");
    let published = bus.emitter().publish(message("a", "run", 0)).await.unwrap();
    assert!(!published.duplicate);
}

#[tokio::test]
async fn a_closed_emitter_has_stored_what_it_admitted() {
    let broker = broker().await;
    let emitter = Emitter::new(broker.clone(), EmitterOptions::default());
    for n in 0..500 {
        emitter.emit(message("a", "run", n)).unwrap();
    }
    emitter.close(Duration::from_secs(30)).await.unwrap();
    assert_eq!(stored(&broker, "run").await.len(), 500);
    assert!(matches!(emitter.emit(message("a", "run", 500)), Err(EmitterError::Closed)));
    assert!(matches!(emitter.publish(message("a", "run", 500)).await, Err(EmitterError::Closed)));
    emitter.flush().await.unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_still_stores_what_was_admitted() {
    let broker = broker().await;
    let emitter = Emitter::new(broker.clone(), EmitterOptions::default());
    for n in 0..100 {
        emitter.emit(message("a", "run", n)).unwrap();
    }
    drop(emitter);
    let mut events = Vec::new();
    for _ in 0..3000 {
        events = stored(&broker, "run").await;
        if events.len() == 100 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(events.len(), 100);
}

#[tokio::test]
async fn giving_up_says_what_is_left() {
    let (emitter, _, _) = away(8, WhenFull::Error).await;
    for n in 0..8 {
        emitter.emit(message("a", "run", n)).unwrap();
    }
    let left = emitter.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(left.queued, 8);
    assert!(matches!(left.store, StoreState::Away(_)));
}

#[tokio::test]
async fn a_closed_broker_ends_the_emitter() {
    let broker = broker().await;
    let emitter = Emitter::new(broker.clone(), EmitterOptions::default());
    broker.close().await.unwrap();
    assert!(matches!(emitter.publish(message("a", "run", 0)).await, Err(EmitterError::Closed)));
    until("closed", || emitter.is_closed()).await;
}
