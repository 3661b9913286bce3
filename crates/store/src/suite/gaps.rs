//! Who is told of what retention took: every reader that had not read it, once, and nobody else.

use std::{collections::HashMap, sync::Arc, time::Duration};

use headwater_events::{Class, Mark, Position, lane_of};

use super::{
    Case,
    case::{delta, durable, event, marked, stream, tenant, visible},
    checks::{append, page, read, read_all},
    retention::{keep_all, open},
    view::{Log, is_vector, limited_together, read_tenant},
};
use crate::{Append, GapReason, Limits, ReadScope, Retention, Store};

/// Appends in small batches.
pub(super) async fn put_all(store: &Arc<dyn Store>, events: impl IntoIterator<Item = Append>) -> Log {
    let events: Vec<_> = events.into_iter().collect();
    let mut log = Log::new();
    for batch in events.chunks(5) {
        let answer = append(store, batch.to_vec()).await;
        log.extend(answer.iter().map(|a| a.position).zip(batch.iter().cloned()));
    }
    log
}

/// At every position of a log: a reader gets a gap if, and only if, something of its scope behind it is missing.
pub(super) async fn check_every_position(
    store: &Arc<dyn Store>,
    log: &Log,
    scope: &ReadScope,
    of_scope: &[&(Position, Append)],
) {
    // Where each lane has its own numbers, those of others mean nothing here.
    let events = if is_vector(store) { of_scope.to_vec() } else { log.iter().collect() };
    let places = events.iter().map(|(position, _)| *position);
    let kept = read_all(store, scope).await.positions();
    let is_missing = |(position, _): &&&(Position, Append)| !kept.contains(position);
    for after in std::iter::once(Position::ZERO).chain(places) {
        let page = page(store, scope, after, 10_000, 1 << 30).await;
        let behind = |class: Class| {
            of_scope
                .iter()
                .filter(is_missing)
                .filter(move |(p, a)| *p > after && a.class == class)
                .map(|(p, _)| *p)
                .max()
        };
        let wanted =
            [(GapReason::Retention, behind(Class::Durable)), (GapReason::Trimmed, behind(Class::Transient))];
        for (reason, last) in wanted {
            let gap = page.gaps.iter().find(|gap| gap.reason == reason);
            match (gap, last) {
                (None, None) => {}
                (Some(gap), Some(last)) => {
                    assert!(
                        gap.from == after && gap.to >= last,
                        "{gap:?} of {scope:?} covers {last} after {after}"
                    );
                }
                _ => panic!("{scope:?} after {after}: {gap:?}, though the last {reason} one is at {last:?}"),
            }
        }
    }
}

pub(super) fn of<'a>(log: &'a Log, name: &str) -> Vec<&'a (Position, Append)> {
    log.iter().filter(|(_, a)| a.stream.as_str() == name).collect()
}

/// Durable events that are gone are told to those who had not read them; an old and quiet stream has no gap.
pub async fn removed_events_are_told(mut case: Case) {
    let limits = Limits { max_events: Some(20), ..keep_all().durable };
    let Some(store) = open(&mut case, Retention { durable: limits, ..keep_all() }).await else {
        return;
    };
    // One that is gone whole, one that spans all, one that is cut, one that is young.
    let names = ["old", "sparse", "cut", "young"].map(|name| limited_together(&store, name));
    let [old, sparse, cut, young] = &names;
    let several = |name: &str, count| (0..count).map(|n| durable(name, n)).collect::<Vec<_>>();
    let events = [several(old, 4), several(sparse, 1), several(cut, 30), several(young, 8)].concat();
    let log = put_all(&store, events.into_iter().chain([durable(sparse, 1)])).await;
    store.trim().await.expect("a trim");
    assert!(read_all(&store, &visible(old)).await.records.is_empty());
    assert_eq!(read_all(&store, &visible(sparse)).await.ids(), [format!("{sparse}/1")]);
    for name in &names {
        check_every_position(&store, &log, &visible(name), &of(&log, name)).await;
    }
    if store.capabilities().tenant_order {
        let all: Vec<_> = log.iter().collect();
        check_every_position(&store, &log, &ReadScope::Tenant(tenant("default")), &all).await;
        check_every_position(&store, &log, &ReadScope::Tenant(tenant("other")), &[]).await;
    }
    let mut lanes: HashMap<_, Vec<_>> = HashMap::new();
    for one in &log {
        lanes.entry(lane_of("default", one.1.stream.as_str(), store.lanes())).or_default().push(one);
    }
    for (lane, of_lane) in lanes {
        check_every_position(&store, &log, &ReadScope::Lane(lane), &of_lane).await;
        check_every_position(&store, &log, &ReadScope::TenantLane(tenant("default"), lane), &of_lane).await;
    }
}

/// Trimmed deltas are told as such; the durable events between them are there.
pub async fn trimmed_events_are_told(mut case: Case) {
    let hour = case.span(Duration::from_secs(3600), Duration::from_secs(2));
    let retention = Retention { transient_after_end: Some(hour), ..keep_all() };
    let Some(store) = open(&mut case, retention).await else {
        return;
    };
    if !store.capabilities().trim_transient {
        return case.lacks("trim_transient");
    }
    let events = (0..20).flat_map(|n| {
        let both =
            ["ended", "open"].into_iter().flat_map(move |name| [delta(name, n), durable(name, 100 + n)]);
        both.chain([durable("plain", n)])
    });
    let ends = ["ended", "plain"].map(|name| marked(name, 200, Mark::Completed));
    let log = put_all(&store, events.chain(ends)).await;
    case.pass(case.span(3 * hour, 2 * hour)).await;
    store.trim().await.expect("a trim");
    for name in ["ended", "open", "plain"] {
        check_every_position(&store, &log, &visible(name), &of(&log, name)).await;
    }
    let whole = read_all(&store, &visible("ended")).await;
    assert_eq!(
        (whole.records.len(), whole.gaps.len()),
        (21, 1),
        "one gap for all that was trimmed: {:?}",
        whole.gaps
    );
    // In pages the pieces of the gap do not overlap, which `read` checks.
    for limit in [1, 2, 7] {
        let paged = read(&store, &visible("ended"), Position::ZERO, limit).await;
        assert_eq!(paged.ids(), whole.ids());
        assert!(paged.gaps.iter().all(|gap| gap.reason == GapReason::Trimmed));
    }
    assert!(read_tenant(&store, "default").await.gaps.is_empty(), "no delta of its own");
}

/// The record of a run says up to where events are missing, and still counts them.
pub async fn records_say_what_is_missing(mut case: Case) {
    let limits = Limits { max_events: Some(10), ..keep_all().durable };
    let retention = Retention { durable: limits, transient: limits, ..keep_all() };
    let Some(store) = open(&mut case, retention).await else {
        return;
    };
    let log = put_all(&store, (0..30).flat_map(|n| [durable("a", n), delta("a", 100 + n)])).await;
    store.trim().await.expect("a trim");
    let kept = read_all(&store, &visible("a")).await;
    let record = store.run(&tenant("default"), &stream("a")).await.expect("a call").expect("a record");
    for (class, mark) in [(Class::Durable, record.removed), (Class::Transient, record.trimmed)] {
        if class == Class::Transient && !store.capabilities().trim_transient {
            continue;
        }
        let first_kept = kept.records.iter().find(|r| r.class() == class).expect("the newest").position();
        let missing = log.iter().filter(|(p, a)| a.class == class && *p < first_kept).map(|(p, _)| *p).max();
        let missing = missing.expect("some are missing");
        assert!(missing <= mark && mark < first_kept, "{class}: {missing} <= {mark} < {first_kept}");
    }
    assert_eq!((record.durable, record.transient), (30, 30), "those that were kept count");
    assert_eq!((record.first, record.last), (log[0].0, log[59].0));
}

/// Readers of one tenant are not told of another's losses.
pub async fn other_tenants_losses_are_not_told(mut case: Case) {
    let limits = Limits { max_events: Some(10), ..keep_all().durable };
    let Some(store) = open(&mut case, Retention { durable: limits, ..keep_all() }).await else {
        return;
    };
    put_all(&store, (0..30).map(|n| event("loud", "a", n, Class::Durable, Mark::None))).await;
    append(&store, (0..5).map(|n| durable("a", n)).collect()).await;
    store.trim().await.expect("a trim");
    for got in [read_all(&store, &visible("a")).await, read_tenant(&store, "default").await] {
        assert_eq!((got.records.len(), got.gaps.len()), (5, 0), "{:?}", got.gaps);
    }
    assert_eq!(read_tenant(&store, "loud").await.gaps.len(), 1);
}
