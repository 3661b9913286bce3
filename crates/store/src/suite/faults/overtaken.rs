//! Retention that is quicker than a reader.

use headwater_events::Position;

use super::super::{
    Case,
    case::{durable, visible},
    checks::{append, read},
    retention::{self, keep_all},
    view::{Live, start},
};
use crate::{FollowItem, GapReason, Limits, Retention};

/// A follower that is not polled while retention passes it: each event comes, or is read from history, or is told
/// there as a gap; nothing twice.
pub async fn retention_that_overtakes_a_follower_is_told(mut case: Case) {
    let few = Limits { max_events: Some(50), ..keep_all().durable };
    let Some(store) = retention::open(&mut case, Retention { durable: few, ..keep_all() }).await else {
        return;
    };
    let mut live = Live::open(&store, &start(&store)).await;
    let mut answered: Vec<Position> = Vec::new();
    let text = "x".repeat(60 * 1024);
    for batch in 0..50 {
        let batch = (0..20).map(|n| {
            let mut one = durable("a", batch * 100 + n);
            one.event = one.event.to_builder().data(&text).build().expect("an event");
            one
        });
        answered.extend(append(&store, batch.collect()).await.iter().map(|a| a.position));
        store.trim().await.expect("a trim");
    }
    let last = append(&store, vec![durable("a", 9999)]).await[0].position;
    answered.push(last);
    store.trim().await.expect("a trim");
    let (mut came, mut lost) = (Vec::new(), Vec::new());
    while came.last() != Some(&last) {
        match live.next().await.expect("the follower goes on") {
            FollowItem::Batch(batch) => came.extend(batch.iter().map(crate::Record::position)),
            FollowItem::Gap(gap) => {
                let missed = read(&store, &visible("a"), gap.from, 1000).await;
                came.extend(missed.positions().into_iter().filter(|p| *p <= gap.to));
                lost.extend(missed.gaps);
            }
            other => panic!("nothing was deleted: {other:?}"),
        }
    }
    assert!(came.is_sorted_by(|a, b| a < b), "in order, once");
    assert!(lost.iter().all(|gap| gap.reason == GapReason::Retention), "{lost:?}");
    let told = |p: Position| lost.iter().any(|gap| gap.from < p && p <= gap.to);
    for p in answered {
        assert!(came.contains(&p) || told(p), "{p} neither came nor was told as missing");
    }
    // Who comes back later from the first of them is told as well.
    let late = read(&store, &visible("a"), Position::ZERO, 1000).await;
    assert!((1..=50).contains(&late.records.len()), "about fifty are kept, not {}", late.records.len());
    assert_eq!(late.gaps.iter().map(|gap| gap.reason).collect::<Vec<_>>(), [GapReason::Retention]);
    let behind = super::super::checks::page(&store, &visible("a"), last, 10, 1 << 20).await;
    assert!(behind.records.is_empty() && behind.gaps.is_empty(), "who has the last one misses nothing");
}
