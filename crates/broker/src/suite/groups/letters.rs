//! What cannot be handled, and its other lives.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use headwater_events::Tenant;

use super::kit::{drain, fetch, group, ids, make, nothing_left, quick, settle};
use crate::{
    AfterDeadLetter, DeadLetterFilter, EventBroker, GroupConfig, Start, Verdict,
    suite::{
        Factory, PATIENCE,
        kit::{self as suite_kit, id, note, plain, publish},
    },
};

/// After its attempts, or at once when it is rejected, an event is a dead letter with everything that an operator
/// needs, and its run goes on.
pub async fn what_cannot_be_handled_is_dead_lettered(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "dead").await;
    let published = publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0)]).await;
    let mut tries = 0;
    let mut left = BTreeSet::from(["a/1".to_owned()]);
    let start = tokio::time::Instant::now();
    while !left.is_empty() {
        assert!(start.elapsed() < PATIENCE, "{left:?} has not come");
        for leased in fetch(&*broker, &group, "w", 10).await.deliveries {
            let verdict = match leased.event().id() {
                "a/0" => {
                    tries += 1;
                    assert_eq!(leased.attempt, tries);
                    Verdict::Retry { after: Duration::ZERO, reason: Some("no luck".to_owned()) }
                }
                "b/0" => Verdict::Reject { reason: "cannot be read".to_owned() },
                other => {
                    assert!(left.remove(other), "{other} comes once");
                    Verdict::Ack
                }
            };
            settle(&*broker, &group, &[leased], &verdict).await;
        }
    }
    assert_eq!(tries, 3, "every attempt was made");
    let all = DeadLetterFilter::default();
    let letters =
        broker.dead_letters(&group, &all, headwater_events::Position::ZERO, 10).await.expect("letters");
    let by_id: HashMap<_, _> = letters.iter().map(|letter| (letter.event.id(), letter)).collect();
    assert_eq!(by_id.len(), 2, "{letters:?}");
    let (a, b) = (by_id["a/0"], by_id["b/0"]);
    assert_eq!(
        (a.reason.as_str(), a.attempts, a.source_position),
        ("no luck", 3, published[0].cursor.position())
    );
    assert_eq!((b.reason.as_str(), b.attempts), ("cannot be read", 1));
    let stored = suite_kit::read_ids(
        &*broker,
        &suite_kit::stream("a"),
        &headwater_events::Filter::all(),
        Start::Earliest,
    )
    .await;
    assert_eq!(stored, ["a/0", "a/1"], "the run's stream is as it was");
    assert_eq!(a.event.json()[..], note_json(&*broker).await[..], "byte for byte");
    let info = broker.group(&group).await.expect("an answer").expect("a group");
    assert_eq!((info.dead_letters, info.in_flight, info.waiting, info.parked), (2, 0, 0, 0));
    let streams = broker.streams(&Tenant::default(), None, 10).await.expect("streams");
    assert!(streams.iter().all(|info| !info.stream.is_reserved()), "dead letters are no run: {streams:?}");
}

async fn note_json(broker: &dyn EventBroker) -> Vec<u8> {
    let page =
        broker.read(&suite_kit::stream("a"), &headwater_events::Filter::all(), Start::Earliest, 1).await;
    page.expect("a page").events[0].event().json().to_vec()
}

/// A dead letter lives again with all its attempts, in the order of its run, and only once.
pub async fn a_replayed_letter_lives_again(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "replay").await;
    publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0)]).await;
    let mut seen = 0;
    while seen < 3 {
        let got = fetch(&*broker, &group, "w", 10).await.deliveries;
        seen += got.len();
        settle(&*broker, &group, &got, &Verdict::Reject { reason: "not now".to_owned() }).await;
    }
    let of_a = DeadLetterFilter { stream: Some(suite_kit::name("a")), ..DeadLetterFilter::default() };
    assert_eq!(broker.replay(&group, &of_a).await.expect("a replay"), 2);
    assert_eq!(broker.replay(&group, &of_a).await.expect("a replay"), 0, "doing it again does nothing");
    for n in 0..2 {
        let got = fetch(&*broker, &group, "w", 10).await.deliveries;
        assert_eq!(ids(&got), [id("a", n)], "in order");
        assert_eq!(got[0].attempt, 1, "with all its attempts");
        assert!(got[0].replay_of.is_some(), "it says that it is another life");
        settle(&*broker, &group, &got, &Verdict::Ack).await;
    }
    nothing_left(&*broker, &group, "w").await;
    let all = DeadLetterFilter::default();
    assert_eq!(broker.discard(&group, &all).await.expect("a discard"), 1);
    assert_eq!(broker.discard(&group, &all).await.expect("a discard"), 0);
    publish(&*broker, &[note("a", 2)]).await;
    assert_eq!(ids(&drain(&*broker, &group, "w", 1).await), ["a/2"]);
}

/// With `park` a run waits for its dead letter, and others do not.
pub async fn a_parked_run_waits_for_its_letter(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = group("park");
    let config = GroupConfig { after_dead_letter: AfterDeadLetter::Park, ..quick() };
    broker.put_group(&group, Start::Earliest, config).await.expect("a group");
    publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0)]).await;
    let mut rest = BTreeSet::from(["a/0", "b/0"]);
    while !rest.is_empty() {
        for leased in fetch(&*broker, &group, "w", 10).await.deliveries {
            assert!(rest.remove(leased.event().id()), "{} has not its turn", leased.event().id());
            let reject = leased.event().stream() == "a";
            let verdict = if reject { Verdict::Reject { reason: "no".to_owned() } } else { Verdict::Ack };
            settle(&*broker, &group, &[leased], &verdict).await;
        }
    }
    nothing_left(&*broker, &group, "w").await;
    assert_eq!(broker.group(&group).await.expect("an answer").expect("a group").parked, 1);
    assert_eq!(broker.replay(&group, &DeadLetterFilter::default()).await.expect("a replay"), 1);
    let got = drain(&*broker, &group, "w", 2).await;
    assert_eq!(ids(&got), ["a/0", "a/1"]);
}
