//! What time does to groups: retries that wait, events that retention takes, letters that expire.

use std::time::Duration;

use headwater_events::Position;
use headwater_store::{GapReason, suite::Time};

use super::kit::{drain, fetch, group, ids, make, nothing_left, quick, settle};
use crate::{
    AfterDeadLetter, DeadLetterFilter, EventBroker, Group, GroupConfig, Start, Verdict,
    suite::{
        Factory, PATIENCE, Setup,
        kit::{self as suite_kit, note, publish, publish_notes},
        retention::days,
    },
};

/// Lets time pass by the clock that the broker goes by.
async fn pass(factory: &dyn Factory, setup: &Setup, time: Duration) {
    match factory.time() {
        Time::Manual => setup.clock.advance(time),
        Time::Real => tokio::time::sleep(time).await,
    }
}

/// An event that fails comes with one more attempt each time, never before its wait is over, and never after its ack.
pub async fn attempts_count_up_and_waits_are_floors(factory: &dyn Factory) {
    let setup = suite_kit::setup();
    let subject = factory.make(setup.clone()).await;
    let broker = subject.broker();
    let group = make(&*broker, "floors").await;
    publish(&*broker, &[note("a", 0)]).await;
    let wait = Duration::from_millis(1500);
    for attempt in 1..=3 {
        let got = drain_one(&*broker, &group).await;
        assert_eq!(got.attempt, attempt);
        if attempt == 3 {
            settle(&*broker, &group, &[got], &Verdict::Ack).await;
            break;
        }
        let failed = tokio::time::Instant::now();
        settle(&*broker, &group, &[got], &Verdict::Retry { after: wait, reason: None }).await;
        pass(factory, &setup, wait / 3).await;
        let early = fetch(&*broker, &group, "w", 1).await.deliveries;
        // A machine that stood still meanwhile has waited long enough.
        let waited = factory.time() == Time::Real && failed.elapsed() >= wait;
        assert!(early.is_empty() || waited, "not before its time");
        if waited {
            settle(&*broker, &group, &early, &Verdict::Release).await;
        }
        pass(factory, &setup, wait * 2 / 3).await;
    }
    pass(factory, &setup, wait * 2).await;
    nothing_left(&*broker, &group, "w").await;
}

async fn drain_one(broker: &dyn EventBroker, group: &Group) -> crate::Leased {
    let start = tokio::time::Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "it comes");
        if let Some(one) = fetch(broker, group, "w", 1).await.deliveries.pop() {
            return one;
        }
    }
}

/// What retention takes before a group gets there is told to it, and it goes on with what is kept.
pub async fn what_retention_took_is_told_to_the_group(factory: &dyn Factory) {
    let Some(ageing) = days(factory, 2).await else { return };
    let broker = ageing.broker();
    let group = make(&*broker, "aged").await;
    publish_notes(&*broker, "rt", 0..50).await;
    ageing.pass(3.5).await;
    publish_notes(&*broker, "rt", 50..60).await;
    let (mut got, mut gaps) = (Vec::new(), Vec::new());
    let start = tokio::time::Instant::now();
    while got.len() < 10 {
        assert!(start.elapsed() < PATIENCE, "{:?} came, told {gaps:?}", ids(&got));
        let fetched = fetch(&*broker, &group, "w", 10).await;
        settle(&*broker, &group, &fetched.deliveries, &Verdict::Ack).await;
        gaps.extend(fetched.gaps);
        got.extend(fetched.deliveries);
    }
    assert_eq!(ids(&got), suite_kit::ids("rt", 50..60), "what is kept comes");
    assert!(gaps.iter().any(|gap| gap.reason == GapReason::Retention && gap.from < gap.to), "{gaps:?}");
    let told = gaps.len();
    let more = fetch(&*broker, &group, "w", 10).await;
    assert!(more.gaps.is_empty() && more.deliveries.is_empty(), "told once, {told} gaps: {more:?}");
}

/// A letter that nobody wanted within the group's time is gone, and its run, which waited for it, goes on.
pub async fn a_letter_that_expired_is_gone_and_its_run_goes_on(factory: &dyn Factory) {
    let setup = suite_kit::setup();
    let subject = factory.make(setup.clone()).await;
    let broker = subject.broker();
    let (group, keep) = (group("expiry"), Duration::from_millis(2000));
    let config =
        GroupConfig { after_dead_letter: AfterDeadLetter::Park, dead_letters_keep: Some(keep), ..quick() };
    broker.put_group(&group, Start::Earliest, config.clone()).await.expect("a group");
    let told = broker.group(&group).await.expect("an answer").expect("a group").config;
    assert_eq!(told, config, "the configuration is told whole");
    publish(&*broker, &[note("a", 0), note("a", 1)]).await;
    let got = drain_one(&*broker, &group).await;
    settle(&*broker, &group, &[got], &Verdict::Reject { reason: "no".to_owned() }).await;
    let letters = async || {
        let all = DeadLetterFilter::default();
        broker.dead_letters(&group, &all, Position::ZERO, 10).await.expect("letters")
    };
    assert_eq!(letters().await.len(), 1);
    pass(factory, &setup, keep).await;
    let rest = drain(&*broker, &group, "w", 1).await;
    assert_eq!(ids(&rest), ["a/1"], "the run goes on");
    assert!(letters().await.is_empty());
    assert_eq!(broker.replay(&group, &DeadLetterFilter::default()).await.expect("a replay"), 0);
    let info = broker.group(&group).await.expect("an answer").expect("a group");
    assert_eq!((info.dead_letters, info.parked), (0, 0));
}

/// Letters are found by stream, type, reason and place, each alone and together, and they name the trace they belong to.
pub async fn letters_are_found_by_what_they_are(factory: &dyn Factory) {
    let subject = suite_kit::plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "found").await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = note("a", 0).to_builder().traceparent(trace).build().expect("a good event");
    publish(
        &*broker,
        &[traced, note("b", 0), suite_kit::typed("c", 0, "suite.other.v1", "c", &serde_json::json!({}))],
    )
    .await;
    let mut left = 3;
    while left > 0 {
        for leased in fetch(&*broker, &group, "w", 10).await.deliveries {
            let reason = format!("{}-broke: twice", leased.event().stream());
            settle(&*broker, &group, &[leased], &Verdict::Reject { reason }).await;
            left -= 1;
        }
    }
    let found = async |filter: DeadLetterFilter| {
        let letters = broker.dead_letters(&group, &filter, Position::ZERO, 10).await.expect("letters");
        letters.iter().map(|letter| letter.event.stream().to_owned()).collect::<Vec<_>>()
    };
    let all = DeadLetterFilter::default();
    let letters = broker.dead_letters(&group, &all, Position::ZERO, 10).await.expect("letters");
    assert_eq!(letters.len(), 3);
    let of_a = letters.iter().find(|letter| letter.event.stream() == "a").expect("its letter");
    assert_eq!(of_a.traceparent(), Some(trace));
    let types = headwater_events::Filter::types("suite.other").expect("a filter");
    assert_eq!(found(DeadLetterFilter { types: types.clone(), ..all.clone() }).await, ["c"]);
    assert_eq!(found(DeadLetterFilter { reason: Some("b-broke".into()), ..all.clone() }).await, ["b"]);
    assert_eq!(
        found(DeadLetterFilter { reason: Some("broke".into()), ..all.clone() }).await,
        Vec::<String>::new()
    );
    assert_eq!(found(DeadLetterFilter { positions: vec![of_a.position], ..all.clone() }).await, ["a"]);
    let none = DeadLetterFilter { types, reason: Some("a-broke".into()), ..all.clone() };
    assert_eq!(found(none).await, Vec::<String>::new());
    let by_reason = DeadLetterFilter { reason: Some("a-broke".into()), ..all.clone() };
    assert_eq!(broker.discard(&group, &by_reason).await.expect("a discard"), 1);
    assert_eq!(found(all).await.len(), 2);
}
