//! Who is told of what retention took: every reader that had not read it, once, and nobody else.

use std::{collections::HashMap, sync::Arc};

use headwater_events::{Class, Mark, Position, lane_of};

use super::{
    Case,
    case::{delta, durable, event, marked, stream, tenant, visible},
    checks::{append, page, read, read_all},
    retention::{keep_all, open},
};
use crate::{Append, GapReason, Limits, ReadScope, Retention, Store};

/// What was appended, and where it stands.
pub(super) type Log = Vec<(Position, Append)>;

async fn put(store: &Arc<dyn Store>, log: &mut Log, one: Append) {
    let position = append(store, vec![one.clone()]).await[0].position;
    log.push((position, one));
}

/// Appends one by one.
pub(super) async fn put_all(store: &Arc<dyn Store>, events: impl Iterator<Item = Append>) -> Log {
    let mut log = Log::new();
    for one in events {
        put(store, &mut log, one).await;
    }
    log
}

/// At every position of the log: a reader gets a gap if, and only if, something of its scope behind it is missing.
pub(super) async fn check_every_position(
    store: &Arc<dyn Store>,
    scope: &ReadScope,
    of_scope: &[&(Position, Append)],
) {
    let kept = read_all(store, scope).await.positions();
    let is_missing = |(position, _): &&&(Position, Append)| !kept.contains(position);
    let tail = store.tail().await.expect("a tail");
    for after in (0..=tail.0).map(Position) {
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
    let mut log = Log::new();
    // One that is gone whole, one that spans all, one that is cut, one that is young.
    for n in 0..4 {
        put(&store, &mut log, durable("old", n)).await;
    }
    put(&store, &mut log, durable("sparse", 0)).await;
    for n in 0..30 {
        put(&store, &mut log, durable("cut", n)).await;
    }
    for n in 0..8 {
        put(&store, &mut log, durable("young", n)).await;
    }
    put(&store, &mut log, durable("sparse", 1)).await;
    store.trim().await.expect("a trim");
    assert!(read_all(&store, &visible("old")).await.records.is_empty());
    assert_eq!(read_all(&store, &visible("sparse")).await.ids(), ["sparse/1"]);
    for name in ["old", "sparse", "cut", "young"] {
        check_every_position(&store, &visible(name), &of(&log, name)).await;
    }
    if store.capabilities().tenant_order {
        let all: Vec<_> = log.iter().collect();
        check_every_position(&store, &ReadScope::Tenant(tenant("default")), &all).await;
        check_every_position(&store, &ReadScope::Tenant(tenant("other")), &[]).await;
    }
    let mut lanes: HashMap<_, Vec<_>> = HashMap::new();
    for one in &log {
        lanes.entry(lane_of("default", one.1.stream.as_str(), store.lanes())).or_default().push(one);
    }
    for (lane, of_lane) in lanes {
        check_every_position(&store, &ReadScope::Lane(lane), &of_lane).await;
        check_every_position(&store, &ReadScope::TenantLane(tenant("default"), lane), &of_lane).await;
    }
}

/// Trimmed deltas are told as such; the durable events between them are there.
pub async fn trimmed_events_are_told(mut case: Case) {
    let retention =
        Retention { transient_after_end: Some(std::time::Duration::from_secs(3600)), ..keep_all() };
    let Some(store) = open(&mut case, retention).await else {
        return;
    };
    if !store.capabilities().trim_transient {
        println!("skipped: the store does not trim transient events");
        return;
    }
    let mut log = Log::new();
    for n in 0..20 {
        for name in ["ended", "open"] {
            put(&store, &mut log, delta(name, n)).await;
            put(&store, &mut log, durable(name, 100 + n)).await;
        }
        put(&store, &mut log, durable("plain", n)).await;
    }
    for name in ["ended", "plain"] {
        put(&store, &mut log, marked(name, 200, Mark::Completed)).await;
    }
    case.clock().advance(std::time::Duration::from_secs(3 * 3600));
    store.trim().await.expect("a trim");
    for name in ["ended", "open", "plain"] {
        check_every_position(&store, &visible(name), &of(&log, name)).await;
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
    assert!(
        read_all(&store, &ReadScope::Tenant(tenant("default"))).await.gaps.is_empty(),
        "no delta of its own"
    );
}

/// The record of a run says up to where events are missing, and still counts them.
pub async fn records_say_what_is_missing(mut case: Case) {
    let limits = Limits { max_events: Some(10), ..keep_all().durable };
    let retention = Retention { durable: limits, transient: limits, ..keep_all() };
    let Some(store) = open(&mut case, retention).await else {
        return;
    };
    let mut log = Log::new();
    for n in 0..30 {
        put(&store, &mut log, durable("a", n)).await;
        put(&store, &mut log, delta("a", 100 + n)).await;
    }
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
    for n in 0..30 {
        append(&store, vec![event("loud", "a", n, Class::Durable, Mark::None)]).await;
    }
    append(&store, (0..5).map(|n| durable("a", n)).collect()).await;
    store.trim().await.expect("a trim");
    for scope in [visible("a"), ReadScope::Tenant(tenant("default"))] {
        let got = read_all(&store, &scope).await;
        assert_eq!((got.records.len(), got.gaps.len()), (5, 0), "{scope:?}: {:?}", got.gaps);
    }
    assert_eq!(read_all(&store, &ReadScope::Tenant(tenant("loud"))).await.gaps.len(), 1);
}
