//! What the broker refuses.

use headwater_broker::{BrokerConfig, Policy};
use headwater_events::Event;
use headwater_postgres::{
    RelayOptions, Schema,
    outbox::{AfterParked, Parked, ParkedFilter, RelayState},
};

use crate::support::{
    Broken, Mood, base, broker, broker_with, event, event_with, eventually, numbers, quick,
};

fn parked(base: &crate::support::Base) -> Parked {
    Parked::new(base.pool.clone(), Schema::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_is_parked_with_its_reason_and_comes_when_it_is_redriven() {
    let Some(base) = base().await else { return };
    let small = broker_with(BrokerConfig { max_event_bytes: 1000, ..BrokerConfig::default() }).await;
    let relay = base.relay(small.clone(), quick());
    base.enqueue(&[
        event("run", 0),
        event_with("run", 1, &"x".repeat(2000)),
        event("run", 2),
        event("other", 3),
    ])
    .await;
    base.drained().await;
    assert_eq!(numbers(&*small, "run").await, [0, 2], "the run goes on");
    assert_eq!(numbers(&*small, "other").await, [3]);
    assert_eq!(base.backlog().await.parked, 1);
    let rows = parked(&base).list(&ParkedFilter::default(), 0, 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].code.as_str(), rows[0].event.id()), (1, "event-too-large", "run-1"));
    assert!(rows[0].reason.contains("1000 are allowed"), "{}", rows[0].reason);
    relay.stop().await;

    let large = broker().await;
    let relay = base.relay(large.clone(), quick());
    let other = ParkedFilter { code: Some("invalid-data".to_owned()), ..ParkedFilter::default() };
    assert_eq!(parked(&base).redrive(&other).await.unwrap(), 0);
    assert_eq!(parked(&base).redrive(&ParkedFilter::default()).await.unwrap(), 1);
    assert_eq!(parked(&base).redrive(&ParkedFilter::default()).await.unwrap(), 0, "once");
    eventually("not redriven", async || numbers(&*large, "run").await == [1]).await;
    base.drained().await;
    assert_eq!(base.backlog().await.parked, 0);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_held_waits_behind_its_parked_event_and_keeps_its_order() {
    let Some(base) = base().await else { return };
    let small = broker_with(BrokerConfig { max_event_bytes: 1000, ..BrokerConfig::default() }).await;
    let hold = RelayOptions { after_parked: AfterParked::Hold, ..quick() };
    let relay = base.relay(small.clone(), hold.clone());
    base.enqueue(&[event("run", 0), event_with("run", 1, &"x".repeat(2000)), event("run", 2)]).await;
    base.enqueue(&[event("other", 3)]).await;
    eventually("nothing came", async || numbers(&*small, "other").await == [3]).await;
    base.enqueue(&[event("run", 4), event("other", 5)]).await;
    eventually("the other run is held too", async || numbers(&*small, "other").await == [3, 5]).await;
    assert_eq!(numbers(&*small, "run").await, [0]);
    relay.stop().await;

    let large = broker().await;
    let relay = base.relay(large.clone(), hold);
    let run = ParkedFilter { stream: Some("run".parse().unwrap()), ..ParkedFilter::default() };
    assert_eq!(parked(&base).redrive(&run).await.unwrap(), 1);
    base.drained().await;
    assert_eq!(numbers(&*large, "run").await, [1, 2, 4]);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_full_of_poison_starve_nobody() {
    let Some(base) = base().await else { return };
    let strict = broker_with(BrokerConfig { policy: Policy::Strict, ..BrokerConfig::default() }).await;
    let all: Vec<Event> = (0..1500).map(|n| event(&format!("bad-{}", n % 7), n)).collect();
    base.enqueue(&all).await;
    base.enqueue(&(0..20).map(started).collect::<Vec<_>>()).await;
    let relay = base.relay(strict.clone(), RelayOptions { batch_events: 100, ..quick() });
    base.drained().await;
    let backlog = base.backlog().await;
    assert_eq!((backlog.depth, backlog.parked), (0, 1500));
    use headwater_broker::EventBroker as _;
    let runs = strict.streams(&Default::default(), None, 100).await.unwrap();
    assert_eq!(runs.len(), 20);
    assert_eq!(parked(&base).discard(&ParkedFilter::default()).await.unwrap(), 1500);
    assert_eq!(base.backlog().await.parked, 0);
    relay.stop().await;
}

fn started(n: usize) -> Event {
    Event::builder("/test", "workflow.started.v1")
        .subject(format!("good-{n}"))
        .data(&serde_json::json!({}))
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_in_the_middle_of_every_run_costs_nobody_else_their_place() {
    let Some(base) = base().await else { return };
    let small = broker_with(BrokerConfig { max_event_bytes: 1000, ..BrokerConfig::default() }).await;
    let mut expected: Vec<usize> = Vec::new();
    let mut all = Vec::new();
    for n in 0..300 {
        for run in ["a", "b", "c"] {
            let bad = n % 3 == 1;
            let text = if bad { "x".repeat(2000) } else { String::new() };
            all.push(event_with(run, n, &text));
        }
        if n % 3 != 1 {
            expected.push(n);
        }
    }
    base.enqueue(&all).await;
    let relay = base.relay(small.clone(), quick());
    base.drained().await;
    for run in ["a", "b", "c"] {
        assert_eq!(numbers(&*small, run).await, expected, "{run}");
    }
    assert_eq!(base.backlog().await.parked, 300);
    relay.stop().await;
}

/// The broker calls itself away whenever it sees one event: nothing tells that from a broker that is away but that the
/// others go through.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_always_fails_is_parked_in_the_end_and_holds_up_only_its_run() {
    let Some(base) = base().await else { return };
    let inner = broker().await;
    let broken = Broken::new(inner.clone(), |events| {
        if events.iter().any(|event| event.id() == "bad-1") { Mood::Away } else { Mood::Well }
    });
    let relay = base.relay(broken, RelayOptions { max_attempts: 4, ..quick() });
    base.enqueue(&[event("bad", 0), event("bad", 1), event("bad", 2), event("good", 0)]).await;
    for n in 1..30 {
        base.enqueue(&[event("good", n)]).await;
    }
    eventually("others", async || numbers(&*inner, "good").await == (0..30).collect::<Vec<_>>()).await;
    for n in 30..400 {
        if base.backlog().await.parked > 0 {
            break;
        }
        base.enqueue(&[event("good", n)]).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    base.drained().await;
    assert_eq!(numbers(&*inner, "bad").await, [0, 2]);
    let rows = parked(&base).list(&ParkedFilter::default(), 0, 10).await.unwrap();
    assert_eq!((rows[0].event.id(), rows[0].code.as_str()), ("bad-1", "unavailable"));
    assert!(rows[0].reason.starts_with("given up after 4 attempts"), "{}", rows[0].reason);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_costs_nothing_but_time_and_is_told() {
    let Some(base) = base().await else { return };
    let inner = broker().await;
    let broken = Broken::new(inner.clone(), |_| Mood::Away);
    let mut relay = base.relay(broken.clone(), quick());
    let all: Vec<Event> = (0..200).map(|n| event(&format!("run-{}", n % 5), n)).collect();
    base.enqueue(&all).await;
    relay.reaches(RelayState::BrokerAway).await;
    eventually("gave up", async || relay.status.borrow().failures > 5).await;
    assert_eq!(base.backlog().await.parked, 0, "nothing is parked for a broker that is away");
    assert!(relay.status.borrow().detail.contains("gone fishing"));
    broken.mend();
    base.drained().await;
    relay.reaches(RelayState::Working).await;
    for run in 0..5 {
        let expected: Vec<usize> = (0..200).filter(|n| n % 5 == run).collect();
        assert_eq!(numbers(&*inner, &format!("run-{run}")).await, expected);
    }
    assert!(broken.calls() < 400, "{} calls", broken.calls());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_make_no_second_event() {
    let Some(base) = base().await else { return };
    let inner = broker().await;
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let broken = Broken::new(inner.clone(), move |_| {
        match turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 {
            0 => Mood::Mute,
            1 => Mood::Away,
            _ => Mood::Well,
        }
    });
    let relay = base.relay(broken, RelayOptions { batch_events: 7, ..quick() });
    for n in 0..100 {
        base.enqueue(&[event("run", n)]).await;
    }
    base.drained().await;
    assert_eq!(numbers(&*inner, "run").await, (0..100).collect::<Vec<_>>());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_no_event_is_parked() {
    let Some(base) = base().await else { return };
    base.enqueue(&[event("run", 0), event("run", 1)]).await;
    base.run("UPDATE headwater.outbox SET event = 'not an event' WHERE event LIKE '%run-0%'").await;
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    base.drained().await;
    assert_eq!(numbers(&*broker, "run").await, [1]);
    assert_eq!(base.number("SELECT count(*) FROM headwater.outbox_parked WHERE code = 'corrupt'").await, 1);
    relay.stop().await;
}
