//! The log as it grows.

use std::sync::Arc;

use headwater_events::{Class, Lane, Mark, lane_of};

use super::{
    Case,
    case::{delta, durable, event, tenant, visible},
    checks::{append, next, quiet, read_all},
    view::{Live, at, end, is_vector, reached, same_order, start},
};
use crate::{Error, FollowItem, FollowScope, GapReason, Position, Record};

/// From the tail on, a follower gets what comes, every class, and nothing from before.
pub async fn from_now_on(case: Case) {
    let store = case.open().await;
    append(&store, (0..5).map(|n| durable("a", n)).collect()).await;
    let mut live = Live::open(&store, &end(&store).await).await;
    live.quiet().await;
    let mut batch = vec![durable("a", 5), delta("a", 6), event("b", "x", 7, Class::Internal, Mark::None)];
    let mut positions: Vec<_> = append(&store, batch.clone()).await.iter().map(|a| a.position).collect();
    batch.push(durable("a", 8));
    positions.push(append(&store, vec![durable("a", 8)]).await[0].position);
    let got = live.until(&reached(&store, positions.into_iter().zip(&batch))).await;
    same_order(&store, &got.records, &batch);
    assert!(got.gaps.is_empty());
    live.quiet().await;
}

/// A stream may be followed before its first event.
pub async fn before_the_first_event(case: Case) {
    let store = case.open().await;
    let mut live = Live::open(&store, &start(&store)).await;
    let waiting = tokio::spawn(async move { live.next().await.is_some() });
    tokio::task::yield_now().await;
    append(&store, vec![durable("a", 0)]).await;
    assert!(waiting.await.expect("the follower"), "a waiting follower is woken");
}

/// From an earlier position a follower gets everything behind it, except what it is told of as a gap first.
pub async fn from_every_earlier_position(case: Case) {
    let store = case.open().await;
    for n in 0..20 {
        append(&store, (0..=n % 3).map(|i| durable("a", n * 10 + i)).collect()).await;
    }
    let all = read_all(&store, &visible("a")).await;
    let last = all.positions().pop().expect("a last one");
    for after in std::iter::once(Position::ZERO).chain(all.positions()) {
        if after == last {
            break;
        }
        let mut live = Live::open(&store, &at(&store, "a", after)).await;
        let got = live.until(&at(&store, "a", last)).await;
        assert!(got.gaps.len() <= 1, "at most one gap first: {:?}", got.gaps);
        let from = got.gaps.first().map_or(after, |gap| gap.to);
        assert!(
            got.gaps.iter().all(|gap| gap.from == after && gap.reason == GapReason::Overflow),
            "{:?}",
            got.gaps
        );
        let wanted: Vec<_> = all.positions().into_iter().filter(|p| *p > from).collect();
        assert_eq!(got.positions(), wanted, "after {after}");
    }
}

/// A follower that is not polled while much is appended misses nothing that it is not told of.
pub async fn a_slow_follower_is_told_what_it_missed(case: Case) {
    let store = case.open().await;
    let mut live = Live::open(&store, &start(&store)).await;
    append(&store, vec![durable("a", 0)]).await;
    assert!(live.next().await.is_some());
    // More than a default ring of 64 MiB holds.
    let text = "x".repeat(100 * 1024);
    let mut answered = Vec::new();
    for call in 0..20 {
        let batch = (1..=20).map(|i| {
            let mut one = delta("a", call * 100 + i);
            one.event = one.event.to_builder().data(&text).build().expect("an event");
            one
        });
        answered.extend(append(&store, batch.collect()).await.iter().map(|a| a.position));
    }
    let last = append(&store, vec![durable("a", 9999)]).await[0].position;
    answered.push(last);
    let got = live.until(&at(&store, "a", last)).await;
    let missed = |p: Position| got.gaps.iter().any(|gap| gap.from < p && p <= gap.to);
    let positions = got.positions();
    for p in answered {
        assert!(positions.contains(&p) != missed(p), "{p} comes or is told as missing, not both");
    }
    assert!(got.gaps.iter().all(|gap| gap.reason == GapReason::Overflow), "{:?}", got.gaps);
    assert!(positions.contains(&last) && !missed(last));
}

/// Followers do not share a place: each gets everything; one that is dropped disturbs nobody.
pub async fn many_followers(case: Case) {
    let store = case.open().await;
    let start = start(&store);
    let (mut first, mut second) = (Live::open(&store, &start).await, Live::open(&store, &start).await);
    let dropped = Live::open(&store, &start).await;
    let middle = append(&store, (0..10).map(|n| durable("a", n)).collect()).await[9].position;
    drop(dropped);
    assert_eq!(first.until(&at(&store, "a", middle)).await.records.len(), 10);
    let last = append(&store, (10..20).map(|n| durable("a", n)).collect()).await[9].position;
    let last = at(&store, "a", last);
    assert_eq!(first.until(&last).await.records.len(), 10);
    assert_eq!(second.until(&last).await.records.len(), 20);
}

/// Each scope gets its own, in order; a store that numbers each lane by itself has lanes only, and says so.
pub async fn every_scope(case: Case) {
    let store = case.open().await;
    let mut wanted = Vec::new();
    let mut follows = Vec::new();
    let mut scopes = vec![FollowScope::All];
    scopes.extend(["default", "a", "none"].map(|of| FollowScope::Tenant(tenant(of))));
    if is_vector(&store) {
        case.without("one numbering");
        for scope in scopes.drain(..) {
            let answer = store.follow(&scope, Position::ZERO).await.map(drop);
            assert!(matches!(answer, Err(Error::Unsupported { .. })), "{scope:?}: {answer:?}");
        }
    }
    scopes.extend((0..store.lanes()).map(|lane| FollowScope::Lane(Lane(lane))));
    for scope in scopes {
        follows.push(store.follow(&scope, Position::ZERO).await.expect("a follower"));
        wanted.push((scope, Vec::new()));
    }
    for n in 0..120 {
        let class = [Class::Durable, Class::Transient, Class::Internal][n % 3];
        let one = event(["default", "a", "b"][n / 3 % 3], &format!("s{}", n % 13), n, class, Mark::None);
        let lane = lane_of(one.tenant.as_str(), one.stream.as_str(), store.lanes());
        for (scope, ids) in &mut wanted {
            let belongs = match scope {
                FollowScope::All => true,
                FollowScope::Tenant(tenant) => one.tenant == *tenant,
                FollowScope::Lane(of) => lane == *of,
            };
            if belongs {
                ids.push(one.event.id().to_owned());
            }
        }
        append(&store, vec![one]).await;
    }
    for (mut follow, (scope, ids)) in follows.into_iter().zip(wanted) {
        let mut got = Vec::new();
        while got.len() < ids.len() {
            match next(&mut follow).await.expect("the follower goes on") {
                FollowItem::Batch(batch) => {
                    got.extend(batch.iter().map(|r| r.event().id().to_owned()));
                }
                other => panic!("nothing was lost: {other:?}"),
            }
        }
        assert_eq!(got, ids, "{scope:?}");
        quiet(&mut follow).await;
    }
}

/// What a follower delivers is stored: it can be read when it comes, by everyone.
pub async fn what_is_followed_is_or_will_be_answered(case: Case) {
    let store = case.open().await;
    let mut live = Live::open(&store, &start(&store)).await;
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut answered = Vec::new();
            for n in 0..60 {
                answered.extend(append(&store, vec![durable("a", n)]).await.iter().map(|a| a.position));
            }
            answered
        })
    };
    let mut followed = Vec::new();
    while followed.len() < 60 {
        match live.next().await.expect("the follower goes on") {
            FollowItem::Batch(batch) => followed.extend(batch.iter().map(Record::position)),
            other => panic!("nothing was lost: {other:?}"),
        }
        let readable = read_all(&store, &visible("a")).await.positions();
        assert!(
            readable.len() >= followed.len() && readable[..followed.len()] == followed[..],
            "what came is there"
        );
    }
    assert_eq!(followed, writer.await.expect("the writer"));
}
