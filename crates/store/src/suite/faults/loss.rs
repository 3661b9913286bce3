//! Data that somebody else takes, spoils or replaces while it is read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use headwater_events::Position;

use super::{
    super::{
        Case,
        case::{durable, stream, tenant, visible},
        checks::{append, read, read_all},
    },
    BACK,
    harmed::open,
    load::until_stored,
    reader::Reader,
    watch::Statuses,
};
use crate::{Epoch, GapReason, Store};

/// The store has another numbering than `old`, soon. Somebody must use it for that.
async fn begins_anew(store: &Arc<dyn Store>, old: Epoch) {
    let start = Instant::now();
    while store.epoch() == old {
        assert!(start.elapsed() < BACK, "the store does not see that its log is another one");
        // Whether it works is of no interest.
        let _ = store.tail().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// After the numbering began anew: readers are told, and everything that is appended from now on comes once.
async fn goes_on_anew(store: &Arc<dyn Store>, old: Epoch, reader: &Reader) {
    begins_anew(store, old).await;
    let new = store.epoch();
    reader.until("the reset", |seen| seen.resets > 0).await;
    let ids: Vec<_> = (100..110).map(|n| format!("a/{n}")).collect();
    for n in 100..110 {
        until_stored(store, &durable("a", n)).await;
    }
    let kept = read_all(store, &visible("a")).await;
    // The event that found out may be the first of the new log.
    let found_out = usize::from(kept.ids().first() == Some(&"a/99"));
    assert_eq!(kept.ids()[found_out..], ids, "only what was appended since");
    reader.until("what was appended since", |seen| of(seen, new).len() >= ids.len()).await;
    assert_eq!(of(&reader.seen(), new), ids, "once, in order");
    let run = store.run(&tenant("default"), &stream("a")).await.expect("a call").expect("a record");
    let wanted = (10 + found_out as u64, kept.positions()[0]);
    assert_eq!((run.durable, run.first), wanted, "the record begins anew");
}

/// The ids that came under a numbering of what was appended since.
fn of(seen: &super::reader::Seen, epoch: Epoch) -> Vec<String> {
    let of = seen.records.iter().filter(|(under, _)| *under == epoch);
    of.map(|(_, record)| record.event().id().to_owned()).filter(|id| id.len() > "a/99".len()).collect()
}

/// A log whose data is gone has another numbering, readers are told so and get everything that comes afterwards, and
/// state is gone too.
pub async fn a_wiped_log_begins_anew(case: Case) {
    let Some((faults, store)) = open(&case).await else { return };
    let reader = Reader::start(&store).await;
    let statuses = Statuses::of(&store);
    append(&store, (0..20).map(|n| durable("a", n)).collect()).await;
    append(&store, (0..20).map(|n| durable("b", n)).collect()).await;
    store.put("k", bytes::Bytes::from_static(b"v"), None).await.expect("a write");
    reader.until("the first events", |seen| seen.records.len() == 40).await;
    let old = store.epoch();
    if !faults.wipe().await {
        return case.skip("the server's data cannot be taken");
    }
    goes_on_anew(&store, old, &reader).await;
    assert!(read_all(&store, &visible("b")).await.records.is_empty(), "what was there is gone");
    assert_eq!(store.get("k").await.expect("a read"), None, "state is gone too");
    store.put("k", bytes::Bytes::from_static(b"w"), None).await.expect("a write");
    statuses.back().await;
}

/// A stream that is deleted by the server's own means while it is read: who comes from before is told, by a gap or by
/// another numbering; what is appended afterwards comes; other streams are whole where they were not deleted with it.
pub async fn a_stream_deleted_under_its_readers_is_told(case: Case) {
    let Some((faults, store)) = open(&case).await else { return };
    let reader = Reader::start(&store).await;
    let statuses = Statuses::of(&store);
    let last = append(&store, (0..20).map(|n| durable("a", n)).collect()).await[19].position;
    append(&store, (0..20).map(|n| durable("b", n)).collect()).await;
    reader.until("the first events", |seen| seen.records.len() == 40).await;
    let old = store.epoch();
    if !faults.delete_under(&tenant("default"), &stream("a")).await {
        return case.skip("the server cannot delete a stream");
    }
    // The next event finds out, at the latest.
    let next = until_stored(&store, &durable("a", 99)).await.position;
    if store.epoch() != old {
        return goes_on_anew(&store, old, &reader).await;
    }
    assert!(next > last, "positions are not used again");
    let left = read(&store, &visible("a"), Position::ZERO, 100).await;
    assert_eq!(left.ids(), ["a/99"]);
    assert!(
        left.gaps.iter().any(|gap| gap.to >= last && gap.to < next),
        "who comes from before is told up to {last}: {:?}",
        left.gaps
    );
    let behind = read(&store, &visible("a"), last, 100).await;
    assert_eq!((behind.ids(), behind.gaps.len()), (vec!["a/99"], 0), "who had it all lost nothing");
    let other = read_all(&store, &visible("b")).await;
    assert_eq!((other.records.len(), other.gaps.len()), (20, 0), "the other stream is whole");
    reader.until("the next event", |seen| seen.records.iter().any(|(_, r)| r.position() == next)).await;
    statuses.back().await;
}

/// An entry that somebody else wrote into a stream is told as undecodable, and the reader goes on behind it.
pub async fn foreign_entries_are_told(case: Case) {
    let Some((faults, store)) = open(&case).await else { return };
    let reader = Reader::start(&store).await;
    let before = append(&store, (0..3).map(|n| durable("a", n)).collect()).await[2].position;
    if !faults.spoil(&tenant("default"), &stream("a")).await {
        return case.skip("nobody else can write there");
    }
    let mut after = Position::MAX;
    for n in 3..6 {
        after = after.min(until_stored(&store, &durable("a", n)).await.position);
    }
    let wanted: Vec<_> = (0..6).map(|n| format!("a/{n}")).collect();
    for limit in [1, 2, 100] {
        let got = read(&store, &visible("a"), Position::ZERO, limit).await;
        assert_eq!(got.ids(), wanted, "in pages of {limit}");
        let told: Vec<_> = got.gaps.iter().map(|gap| gap.reason).collect();
        assert_eq!(told, [GapReason::Undecodable], "in pages of {limit}: told once");
        assert!(got.gaps[0].to >= before && got.gaps[0].to < after, "{:?} lies behind {before}", got.gaps);
    }
    let behind = read(&store, &visible("a"), after, 100).await;
    assert_eq!(
        (behind.ids(), behind.gaps.len()),
        (vec!["a/4", "a/5"], 0),
        "who comes from behind it has no gap"
    );
    reader.until("all events", |seen| seen.records.len() >= 6).await;
    let seen = reader.seen();
    let came: Vec<_> = seen.records.iter().map(|(_, record)| record.event().id()).collect();
    assert_eq!(came, wanted, "the follower goes on");
    assert!(seen.lost.iter().all(|gap| gap.reason == GapReason::Undecodable), "{:?}", seen.lost);
}
