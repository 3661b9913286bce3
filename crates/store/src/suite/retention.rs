//! What goes, and when.

use std::{sync::Arc, time::Duration};

use headwater_events::{Mark, Position, lane_of};

use super::{
    Case,
    case::{delta, durable, marked, stream, tenant, visible},
    checks::{Got, append, read_all},
    view::read_tenant,
};
use crate::{Error, Limits, Retention, Store};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// An hour that is waited for: whole seconds, as some servers count.
const SHORT: Duration = Duration::from_secs(2);

/// No limit at all.
pub(super) fn keep_all() -> Retention {
    let none = Limits { max_age: None, max_events: None, max_bytes: None };
    Retention { durable: none, transient: none, transient_after_end: None, run_after_end: None }
}

/// A store with these limits, where it declares that it enforces them.
pub(super) async fn open(case: &mut Case, retention: Retention) -> Option<Arc<dyn Store>> {
    let store = case.open_with(retention).await;
    if !store.capabilities().retention {
        let answer = store.trim().await;
        assert!(matches!(answer, Err(Error::Unsupported { .. })), "{answer:?}");
        case.lacks("retention");
        return None;
    }
    Some(store)
}

/// As [`open`], where transient events have limits of their own.
async fn open_trimming(case: &mut Case, retention: Retention) -> Option<Arc<dyn Store>> {
    let store = open(case, retention).await?;
    if !store.capabilities().trim_transient {
        case.lacks("trim_transient");
        return None;
    }
    Some(store)
}

/// How many durable and how many transient events are left of a stream, which must be the newest of each.
async fn left(store: &Arc<dyn Store>, name: &str) -> (usize, usize, Got) {
    store.trim().await.expect("a trim");
    let got = read_all(store, &visible(name)).await;
    let durable = got.records.iter().filter(|r| r.class() == crate::Class::Durable).count();
    let transient = got.records.len() - durable;
    (durable, transient, got)
}

/// Durable events go when they are older than their limit, and not before.
pub async fn durable_events_go_by_age(mut case: Case) {
    let day = case.span(DAY, Duration::from_millis(500));
    let limits = Limits { max_age: Some(7 * day), ..keep_all().durable };
    let Some(store) = open(&mut case, Retention { durable: limits, ..keep_all() }).await else {
        return;
    };
    append(&store, (0..10).map(|n| durable("a", n)).collect()).await;
    append(&store, vec![delta("a", 100)]).await;
    case.pass(5 * day).await;
    append(&store, (10..20).map(|n| durable("a", n)).collect()).await;
    case.pass(day).await;
    assert_eq!(left(&store, "a").await.0, 20, "six days are within seven");
    case.pass(3 * day).await;
    let (count, deltas, got) = left(&store, "a").await;
    assert_eq!((count, deltas), (10, 1), "{:?}", got.ids());
    assert_eq!(read_tenant(&store, "default").await.records.len(), 10);
    case.pass(9 * day).await;
    assert_eq!(left(&store, "a").await.0, 0);
    let before = store.lane_tail(lane_of("default", "a", store.lanes())).await.expect("a tail");
    let next = append(&store, vec![durable("a", 20)]).await[0].position;
    assert!(next > before, "positions go on");
    assert_eq!(left(&store, "a").await.0, 1);
}

/// Transient events go by their own age.
pub async fn transient_events_go_by_age(mut case: Case) {
    let hour = case.span(HOUR, Duration::from_millis(150));
    let limits = Limits { max_age: Some(24 * hour), ..keep_all().transient };
    let Some(store) = open_trimming(&mut case, Retention { transient: limits, ..keep_all() }).await else {
        return;
    };
    append(&store, (0..10).flat_map(|n| [delta("a", n), durable("a", 100 + n)]).collect()).await;
    case.pass(20 * hour).await;
    append(&store, (10..15).map(|n| delta("a", n)).collect()).await;
    let (durables, deltas, _) = left(&store, "a").await;
    assert_eq!((durables, deltas), (10, 15), "twenty hours are within a day");
    case.pass(8 * hour).await;
    let (durables, deltas, got) = left(&store, "a").await;
    assert_eq!((durables, deltas), (10, 5), "{:?}", got.ids());
}

/// A limit on the number of durable events keeps the newest; transient ones do not count.
pub async fn durable_events_go_by_count(mut case: Case) {
    let limits = Limits { max_events: Some(20), ..keep_all().durable };
    let Some(store) = open(&mut case, Retention { durable: limits, ..keep_all() }).await else {
        return;
    };
    for n in (0..50).step_by(5) {
        append(&store, (n..n + 5).map(|n| durable("a", n)).collect()).await;
        append(&store, (n..n + 5).map(|n| delta("a", 100 + n)).collect()).await;
    }
    let (durables, deltas, got) = left(&store, "a").await;
    assert!((15..=20).contains(&durables), "about twenty are kept, not {durables}");
    assert_eq!(deltas, 50, "transient events have their own limit");
    let newest: Vec<_> = (50 - durables..50).map(|n| format!("a/{n}")).collect();
    let kept: Vec<_> = got
        .records
        .iter()
        .filter(|r| r.class() == crate::Class::Durable)
        .map(|r| r.event().id().to_owned())
        .collect();
    assert_eq!(kept, newest, "the newest");
}

/// Deltas never push out durable events.
pub async fn transient_events_go_by_count(mut case: Case) {
    let limits = Limits { max_events: Some(20), ..keep_all().transient };
    let Some(store) = open_trimming(&mut case, Retention { transient: limits, ..keep_all() }).await else {
        return;
    };
    for n in 0..30 {
        append(&store, vec![durable("a", n)]).await;
        append(&store, (0..3).map(|i| delta("a", 1000 + n * 10 + i)).collect()).await;
    }
    let (durables, deltas, _) = left(&store, "a").await;
    assert_eq!(durables, 30);
    assert!((15..=20).contains(&deltas), "about twenty are kept, not {deltas}");
}

/// Limits in bytes count the encoded events, each class for itself.
pub async fn events_go_by_bytes(mut case: Case) {
    let size = durable("a", 10).event.json().len() as u64;
    let limits = Limits { max_bytes: Some(20 * size), ..keep_all().durable };
    let retention = Retention { durable: limits, transient: limits, ..keep_all() };
    let Some(store) = open(&mut case, retention).await else {
        return;
    };
    for n in (10..60).step_by(5) {
        append(&store, (n..n + 5).map(|n| durable("a", n)).collect()).await;
        append(&store, (n..n + 5).map(|n| delta("a", 100 + n)).collect()).await;
    }
    let (durables, deltas, _) = left(&store, "a").await;
    assert!((14..=20).contains(&durables), "about twenty are kept, not {durables}");
    if !store.capabilities().trim_transient {
        case.without("trim_transient");
    } else {
        assert!((14..=20).contains(&deltas), "about twenty are kept, not {deltas}");
    }
}

/// Deltas go some time after the end of their run: not before, not those of a run that goes on.
pub async fn transient_events_go_after_the_end(mut case: Case) {
    let hour = case.span(HOUR, SHORT);
    let retention = Retention { transient_after_end: Some(hour), ..keep_all() };
    let Some(store) = open_trimming(&mut case, retention).await else {
        return;
    };
    for name in ["ended", "open", "reopened", "late"] {
        append(&store, vec![marked(name, 0, Mark::Opens)]).await;
        append(&store, (1..10).flat_map(|n| [delta(name, n), durable(name, 100 + n)]).collect()).await;
        if name != "open" {
            append(&store, vec![marked(name, 200, Mark::Completed)]).await;
        }
    }
    append(&store, vec![delta("late", 300)]).await;
    case.pass(hour / 2).await;
    append(&store, vec![marked("reopened", 201, Mark::Opens)]).await;
    for name in ["ended", "open", "reopened"] {
        assert_eq!(left(&store, name).await.1, 9, "{name} within the hour");
    }
    case.pass(2 * hour).await;
    for (name, durables, deltas) in [("ended", 11, 0), ("open", 10, 9), ("reopened", 12, 9), ("late", 11, 0)]
    {
        let (d, t, got) = left(&store, name).await;
        assert_eq!((d, t), (durables, deltas), "{name}: {:?}", got.ids());
    }
    append(&store, vec![marked("reopened", 202, Mark::Failed)]).await;
    assert_eq!(left(&store, "reopened").await.1, 9, "the hour begins with the new end");
    case.pass(2 * hour).await;
    assert_eq!(left(&store, "reopened").await.1, 0);
    append(&store, vec![delta("ended", 400)]).await;
    assert_eq!(
        read_all(&store, &visible("ended")).await.ids().last(),
        Some(&"ended/400"),
        "a late delta is stored"
    );
}

/// A run may be removed whole some time after its end.
pub async fn runs_go_after_their_end(mut case: Case) {
    let hour = case.span(HOUR, SHORT);
    let retention = Retention { run_after_end: Some(hour), ..keep_all() };
    let Some(store) = open(&mut case, retention).await else {
        return;
    };
    for name in ["ended", "open", "reopened"] {
        append(&store, vec![marked(name, 0, Mark::Opens), durable(name, 1), delta(name, 2)]).await;
        if name != "open" {
            append(&store, vec![marked(name, 3, Mark::Completed)]).await;
        }
    }
    append(&store, vec![marked("reopened", 4, Mark::Opens)]).await;
    case.pass(hour / 2).await;
    assert_eq!(left(&store, "ended").await.0, 3);
    case.pass(2 * hour).await;
    assert!(left(&store, "ended").await.2.records.is_empty());
    assert!(store.run(&tenant("default"), &stream("ended")).await.expect("a call").is_none());
    assert_eq!((left(&store, "open").await.0, left(&store, "reopened").await.0), (2, 4));
    let rest = read_tenant(&store, "default").await;
    assert_eq!(rest.records.len(), 6, "{:?}", rest.ids());
}

/// Reading, following and appending go on while the log is trimmed.
pub async fn trimming_while_it_is_written(mut case: Case) {
    let few = Limits { max_events: Some(30), ..keep_all().durable };
    let Some(store) = open(&mut case, Retention { durable: few, ..keep_all() }).await else {
        return;
    };
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut answered = Vec::new();
            for n in 0..200 {
                answered.push(append(&store, vec![durable("a", n)]).await[0].position);
                tokio::task::yield_now().await;
            }
            answered
        })
    };
    let mut seen = Vec::new();
    let mut missing = Vec::new();
    let (mut next, mut over) = (Position::ZERO, false);
    while !over {
        over = writer.is_finished();
        store.trim().await.expect("a trim");
        let page = super::checks::page(&store, &visible("a"), next, 7, 1 << 20).await;
        seen.extend(page.records.iter().map(crate::Record::position));
        missing.extend(page.gaps);
        (next, over) = (page.next, over && !page.more);
        tokio::task::yield_now().await;
    }
    for p in writer.await.expect("the writer") {
        let told = missing.iter().any(|gap| gap.from < p && p <= gap.to);
        assert!(told != seen.contains(&p), "{p} is read or told as missing, not both");
    }
}
