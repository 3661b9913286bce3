//! History.

use std::sync::Arc;

use headwater_events::{Class, Lane, Mark, Position, lane_of};

use super::{
    Case,
    case::{delta, durable, event, stream, tenant, visible},
    checks::{append, page, read, read_all},
    rng::Rng,
    view::{Log, wide},
};
use crate::{Append, ClassesKey, Error, ReadScope, Store};

const TENANTS: [&str; 4] = ["default", "a", "a.b", "A"];
const STREAMS: [&str; 6] = ["a", "a-", "aa", "a:1", "A", "z@+."];
const CLASSES: [Class; 4] = [Class::Durable, Class::Durable, Class::Transient, Class::Internal];

/// A log of all tenants, streams and classes mixed, and the same as a list.
async fn mixed(store: &Arc<dyn Store>) -> Log {
    let mut rng = Rng::new();
    let mut log = Log::new();
    let mut n = 0;
    while log.len() < 250 {
        let batch: Vec<_> = (0..=rng.below(20))
            .map(|_| {
                n += 1;
                event(TENANTS[rng.below(4)], STREAMS[rng.below(6)], n, CLASSES[rng.below(4)], Mark::None)
            })
            .collect();
        let answer = append(store, batch.clone()).await;
        log.extend(answer.iter().map(|a| a.position).zip(batch));
    }
    log
}

/// Every scope there is in [`mixed`], as far as the store declares it.
fn scopes(store: &Arc<dyn Store>) -> Vec<ReadScope> {
    let mut scopes = Vec::new();
    for of in TENANTS {
        for name in STREAMS {
            for classes in [ClassesKey::Visible, ClassesKey::All] {
                scopes.push(ReadScope::Stream(tenant(of), stream(name), classes));
            }
        }
        if store.capabilities().tenant_order {
            scopes.push(ReadScope::Tenant(tenant(of)));
        }
        scopes
            .extend((0..store.lanes()).step_by(3).map(|lane| ReadScope::TenantLane(tenant(of), Lane(lane))));
    }
    scopes.extend((0..store.lanes()).map(|lane| ReadScope::Lane(Lane(lane))));
    scopes
}

/// Whether an event belongs to a scope, by the words of the contract.
fn belongs(scope: &ReadScope, append: &Append, lanes: u16) -> bool {
    let lane = lane_of(append.tenant.as_str(), append.stream.as_str(), lanes);
    let durable = append.class == Class::Durable;
    match scope {
        ReadScope::Stream(tenant, stream, classes) => {
            append.tenant == *tenant && append.stream == *stream && classes.classes().contains(append.class)
        }
        ReadScope::Tenant(tenant) => durable && append.tenant == *tenant,
        ReadScope::Lane(of) => durable && lane == *of,
        ReadScope::TenantLane(tenant, of) => durable && append.tenant == *tenant && lane == *of,
    }
}

/// Every scope holds what belongs to it and nothing else, in order, in pages of any size.
pub async fn every_scope_in_pages_of_any_size(case: Case) {
    let store = case.open().await;
    let log = mixed(&store).await;
    for (i, scope) in scopes(&store).into_iter().enumerate() {
        let wanted: Vec<_> =
            log.iter().filter(|(_, a)| belongs(&scope, a, store.lanes())).map(|(p, _)| *p).collect();
        // Each page may be a trip to a server: not every scope in the smallest ones.
        for limit in [[1, 50], [3, 10_000], [7, 49], [20, 10_000]][i % 4] {
            let got = read(&store, &scope, Position::ZERO, limit).await;
            assert_eq!(got.positions(), wanted, "{scope:?} in pages of {limit}");
            assert!(got.gaps.is_empty(), "nothing is missing: {:?}", got.gaps);
        }
    }
}

/// Reading from any position gives what lies behind it.
pub async fn reading_on_from_every_position(case: Case) {
    let store = case.open().await;
    let log = mixed(&store).await;
    let all = scopes(&store);
    for (i, (after, _)) in log.iter().enumerate() {
        // A few scopes at each position: every scope comes up often.
        for scope in all.iter().skip(i % 19).step_by(19) {
            let rest = log.iter().filter(|(p, a)| p > after && belongs(scope, a, store.lanes()));
            let wanted: Vec<_> = rest.map(|(p, _)| *p).collect();
            let page = page(&store, scope, *after, 20, 1 << 20).await;
            let got: Vec<_> = page.records.iter().map(crate::Record::position).collect();
            assert_eq!(got, wanted[..wanted.len().min(20)], "{scope:?} after {after}");
            assert_eq!(page.more, wanted.len() > 20, "more of {scope:?} after {after}");
        }
    }
}

/// `more` says whether there is more, and reading on from `next` gives it; a page that reaches the end covers it.
pub async fn more_and_next(case: Case) {
    let store = case.open().await;
    let answer = append(&store, (0..10).map(|n| durable("a", n)).collect()).await;
    append(&store, (0..10).map(|n| durable("b", n)).collect()).await;
    let first = page(&store, &visible("a"), Position::ZERO, 9, 1 << 20).await;
    assert!(
        first.more && first.next >= answer[8].position && first.next < answer[9].position,
        "{}",
        first.next
    );
    let second = page(&store, &visible("a"), first.next, 9, 1 << 20).await;
    assert!(!second.more && second.records.len() == 1);
    let exact = page(&store, &visible("a"), Position::ZERO, 10, 1 << 20).await;
    assert!(!exact.more, "a page that holds the last one has no more");
    append(&store, vec![durable("a", 10)]).await;
    let third = page(&store, &visible("a"), second.next, 9, 1 << 20).await;
    assert_eq!(third.records.len(), 1, "`next` does not pass over what comes later");
}

/// About `max_bytes` to a page, at least one record.
pub async fn pages_are_bounded_in_bytes(case: Case) {
    let store = case.open().await;
    append(&store, (0..40).map(|n| durable("a", n)).collect()).await;
    let size = read_all(&store, &visible("a")).await.records[0].event().json().len();
    for scope in [visible("a"), wide(&store, "a")] {
        let one = page(&store, &scope, Position::ZERO, 100, 1).await;
        assert_eq!((one.records.len(), one.more), (1, true), "at least one, however small the page");
        let some = page(&store, &scope, Position::ZERO, 100, size * 10).await;
        assert!((5..=20).contains(&some.records.len()) && some.more, "about ten, not {}", some.records.len());
        let mut next = Position::ZERO;
        let mut count = 0;
        loop {
            let part = page(&store, &scope, next, 100, size * 3).await;
            count += part.records.len();
            next = part.next;
            if !part.more {
                break;
            }
        }
        assert_eq!(count, 40);
    }
}

/// A position ahead of the tail gives an empty page with `next` where it was.
pub async fn ahead_of_the_tail_is_an_empty_page(case: Case) {
    let store = case.open().await;
    append(&store, vec![durable("a", 1)]).await;
    // Far ahead: positions may be times.
    let tail = store.lane_tail(lane_of("default", "a", store.lanes())).await.expect("a tail");
    let ahead = Position(tail.0 + (1 << 40));
    for scope in [visible("a"), visible("none"), wide(&store, "a")] {
        for after in [ahead, Position::MAX] {
            let page = page(&store, &scope, after, 10, 1 << 20).await;
            assert!(page.records.is_empty() && page.gaps.is_empty() && !page.more);
            assert_eq!(page.next, after);
        }
    }
}

/// What is not there is empty and no error.
pub async fn unknown_scopes_are_empty(case: Case) {
    let store = case.open().await;
    append(&store, vec![durable("a", 1), delta("b", 1)]).await;
    let other = ReadScope::Stream(tenant("other"), stream("a"), ClassesKey::All);
    let lane = ReadScope::TenantLane(tenant("other"), Lane(0));
    let mut scopes = vec![visible("c"), other, lane];
    if store.capabilities().tenant_order {
        scopes.push(ReadScope::Tenant(tenant("other")));
    }
    for scope in scopes {
        let page = page(&store, &scope, Position::ZERO, 10, 1 << 20).await;
        assert!(page.records.is_empty() && page.gaps.is_empty() && !page.more, "{scope:?}");
    }
    assert!(store.run(&tenant("default"), &stream("c")).await.expect("a call").is_none());
    assert!(store.run(&tenant("other"), &stream("a")).await.expect("a call").is_none());
    if store.capabilities().list_streams {
        assert!(store.runs(&tenant("other"), None, 10).await.is_ok_and(|runs| runs.is_empty()));
    }
}

/// Tenant and lane hold the durable class, a stream the others too; internal ones only where all are asked for.
pub async fn classes_stand_where_they_belong(case: Case) {
    let store = case.open().await;
    let batch = super::content::append_each_kind(&store).await;
    let count = |classes: &[Class]| batch.iter().filter(|a| classes.contains(&a.class)).count();
    let name = stream("kinds");
    let all = ReadScope::Stream(tenant("default"), name.clone(), ClassesKey::All);
    let lane = lane_of("default", "kinds", store.lanes());
    assert_eq!(read_all(&store, &all).await.records.len(), batch.len());
    let visible = read_all(&store, &visible("kinds")).await;
    assert_eq!(visible.records.len(), count(&[Class::Durable, Class::Transient]));
    let mut scopes = vec![ReadScope::Lane(lane), ReadScope::TenantLane(tenant("default"), lane)];
    if store.capabilities().tenant_order {
        scopes.push(ReadScope::Tenant(tenant("default")));
    }
    for scope in scopes {
        assert_eq!(read_all(&store, &scope).await.records.len(), count(&[Class::Durable]), "{scope:?}");
    }
}

/// A store without `tenant_order` says so.
pub async fn tenant_order_is_declared(case: Case) {
    let store = case.open().await;
    append(&store, vec![durable("a", 1)]).await;
    let all = ReadScope::Tenant(tenant("default"));
    let answer = store.read(&all, Position::ZERO, 10, 1 << 20).await;
    if store.capabilities().tenant_order {
        assert_eq!(answer.expect("a page").records.len(), 1);
    } else {
        case.lacks("tenant_order");
        assert!(matches!(answer, Err(Error::Unsupported { .. })), "{answer:?}");
    }
}
