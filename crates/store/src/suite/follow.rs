//! The log as it grows.

use std::sync::Arc;

use headwater_events::{Class, Lane, Mark, Position, lane_of};

use super::{
    Case,
    case::{all_of_tenant, delta, durable, event, tenant},
    checks::{append, follow_until, next, quiet, read_all},
};
use crate::{FollowScope, GapReason};

/// From the tail on, a follower gets what comes, every class, and nothing from before.
pub async fn from_now_on(case: Case) {
    let store = case.open().await;
    append(&store, (0..5).map(|n| durable("a", n)).collect()).await;
    let tail = store.tail().await.expect("a tail");
    let mut follow = store.follow(&FollowScope::All, tail).await.expect("a follower");
    quiet(&mut follow).await;
    let batch = vec![durable("a", 5), delta("a", 6), event("b", "x", 7, Class::Internal, Mark::None)];
    append(&store, batch).await;
    append(&store, vec![durable("a", 8)]).await;
    let got = follow_until(&mut follow, store.tail().await.expect("a tail")).await;
    assert_eq!(got.ids(), ["a/5", "a/6", "x/7", "a/8"]);
    assert!(got.gaps.is_empty());
    quiet(&mut follow).await;
}

/// A stream may be followed before its first event.
pub async fn before_the_first_event(case: Case) {
    let store = case.open().await;
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.expect("a follower");
    let waiting = tokio::spawn(async move { next(&mut follow).await.is_some() });
    tokio::task::yield_now().await;
    append(&store, vec![durable("a", 0)]).await;
    assert!(waiting.await.expect("the follower"), "a waiting follower is woken");
}

/// From an earlier position a follower gets everything behind it, except what it is told of as a gap first.
pub async fn from_every_earlier_position(case: Case) {
    let store = case.open().await;
    for n in 0..30 {
        append(&store, (0..=n % 3).map(|i| durable("a", n * 10 + i)).collect()).await;
    }
    let all = read_all(&store, &all_of_tenant()).await;
    let tail = store.tail().await.expect("a tail");
    for after in std::iter::once(Position::ZERO).chain(all.positions()) {
        if after == tail {
            break;
        }
        let mut follow = store.follow(&FollowScope::All, after).await.expect("a follower");
        let got = follow_until(&mut follow, tail).await;
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
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.expect("a follower");
    append(&store, vec![durable("a", 0)]).await;
    assert!(next(&mut follow).await.is_some());
    // More than a default ring of 64 MiB holds.
    let text = "x".repeat(100 * 1024);
    let mut last = Position::ZERO;
    for call in 0..20 {
        let batch = (1..=20).map(|i| {
            let mut one = delta("big", call * 100 + i);
            one.event = one.event.to_builder().data(&text).build().expect("an event");
            one
        });
        last = append(&store, batch.collect()).await[19].position;
    }
    append(&store, vec![durable("a", 1)]).await;
    let tail = store.tail().await.expect("a tail");
    let got = follow_until(&mut follow, tail).await;
    let missed = |p: Position| got.gaps.iter().any(|gap| gap.from < p && p <= gap.to);
    let positions = got.positions();
    for p in 2..=tail.0 {
        let p = Position(p);
        assert!(positions.contains(&p) != missed(p), "{p} comes or is told as missing, not both");
    }
    assert!(got.gaps.iter().all(|gap| gap.reason == GapReason::Overflow), "{:?}", got.gaps);
    assert!(positions.contains(&tail) && !missed(last.max(tail)));
}

/// Followers do not share a place: each gets everything; one that is dropped disturbs nobody.
pub async fn many_followers(case: Case) {
    let store = case.open().await;
    let open = || store.follow(&FollowScope::All, Position::ZERO);
    let (mut first, mut second) = (open().await.expect("a follower"), open().await.expect("a follower"));
    let dropped = open().await.expect("a follower");
    append(&store, (0..10).map(|n| durable("a", n)).collect()).await;
    drop(dropped);
    let middle = store.tail().await.expect("a tail");
    assert_eq!(follow_until(&mut first, middle).await.records.len(), 10);
    append(&store, (10..20).map(|n| durable("a", n)).collect()).await;
    let tail = store.tail().await.expect("a tail");
    assert_eq!(follow_until(&mut first, tail).await.records.len(), 10);
    assert_eq!(follow_until(&mut second, tail).await.records.len(), 20);
}

/// Each scope gets its own, in order.
pub async fn every_scope(case: Case) {
    let store = case.open().await;
    let mut wanted = Vec::new();
    let mut follows = Vec::new();
    let mut scopes = vec![FollowScope::All];
    scopes.extend(["default", "a", "none"].map(|of| FollowScope::Tenant(tenant(of))));
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
                crate::FollowItem::Batch(batch) => {
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
    let mut follow = store.follow(&FollowScope::All, Position::ZERO).await.expect("a follower");
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
        if let crate::FollowItem::Batch(batch) = next(&mut follow).await.expect("the follower goes on") {
            followed.extend(batch.iter().map(crate::Record::position));
        }
    }
    assert_eq!(followed, writer.await.expect("the writer"));
    assert_eq!(read_all(&store, &all_of_tenant()).await.positions(), followed);
}
