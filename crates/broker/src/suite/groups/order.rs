//! Order inside a run, and what a worker may say of a delivery.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::kit::{drain, each, fetch, ids, make, nothing_left, settle};
use crate::{
    Refused, Verdict,
    suite::{
        Factory,
        kit::{delta, id, note, plain, publish, publish_all},
        tape,
    },
};

/// Every durable event comes once, in the order of its run; deltas are not offered.
pub async fn every_event_comes_once_in_the_order_of_its_run(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "once").await;
    let mut events = Vec::new();
    for n in 0..40 {
        for run in 0..5 {
            let run = format!("r{run}");
            events.push(if n % 4 == 3 { delta(&run, n, "p", "t") } else { note(&run, n) });
        }
    }
    publish_all(&*broker, &events).await;
    let got = drain(&*broker, &group, "w", 150).await;
    nothing_left(&*broker, &group, "w").await;
    let mut by_run = BTreeMap::<&str, Vec<&str>>::new();
    for leased in &got {
        assert_eq!(leased.attempt, 1, "tried once");
        by_run.entry(leased.event().stream()).or_default().push(leased.event().id());
    }
    for (run, ids) in by_run {
        let want: Vec<_> = (0..40).filter(|n| n % 4 != 3).map(|n| id(run, n)).collect();
        tape::same(&ids, &want);
    }
}

/// One event of a run is with a worker at a time; the next comes when it is settled.
pub async fn one_event_of_a_run_at_a_time(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "one").await;
    publish(&*broker, &[note("a", 0), note("a", 1), note("b", 0), note("a", 2)]).await;
    let mut first = Vec::new();
    while first.len() < 2 {
        first.extend(fetch(&*broker, &group, "w", 10).await.deliveries);
    }
    assert_eq!(ids(&first).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["a/0", "b/0"]));
    nothing_left(&*broker, &group, "w").await;
    for n in 1..3 {
        let last =
            first.iter().find(|leased| leased.event().stream() == "a").cloned().expect("the run's event");
        settle(&*broker, &group, &[last], &Verdict::Ack).await;
        first = fetch(&*broker, &group, "w", 10).await.deliveries;
        assert_eq!(ids(&first), [id("a", n)]);
    }
}

/// A retry comes after its time with one more attempt, before what follows in its run, while other runs go on.
pub async fn a_retry_keeps_the_order_of_its_run(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "retry").await;
    publish(&*broker, &[note("a", 0), note("a", 1)]).await;
    let first = fetch(&*broker, &group, "w", 1).await.deliveries;
    assert_eq!((ids(&first), first[0].attempt), (vec!["a/0"], 1));
    settle(&*broker, &group, &first, &Verdict::Retry { after: Duration::ZERO, reason: None }).await;
    let second = fetch(&*broker, &group, "w", 1).await.deliveries;
    assert_eq!((ids(&second), second[0].attempt), (vec!["a/0"], 2), "the same again");
    settle(&*broker, &group, &second, &Verdict::Retry { after: Duration::from_secs(3600), reason: None })
        .await;
    publish(&*broker, &[note("b", 0)]).await;
    let other = drain(&*broker, &group, "w", 1).await;
    assert_eq!(ids(&other), ["b/0"], "another run goes on");
    nothing_left(&*broker, &group, "w").await;
    let late = broker.settle(&group, each(&first, &Verdict::Ack)).await.expect("an answer");
    assert_eq!(late, [Err(Refused::NotHeld)], "the lease of an earlier attempt is not held");
}

/// What is released comes again at once, with the attempt not spent.
pub async fn a_release_spends_no_attempt(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "release").await;
    publish(&*broker, &[note("a", 0)]).await;
    for _ in 0..5 {
        let got = fetch(&*broker, &group, "w", 1).await.deliveries;
        assert_eq!((ids(&got), got[0].attempt), (vec!["a/0"], 1));
        settle(&*broker, &group, &got, &Verdict::Release).await;
    }
}
