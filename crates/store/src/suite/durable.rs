//! What survives.

use std::sync::Arc;

use bytes::Bytes;
use headwater_events::{Class, Lane, Mark, Position, lane_of};

use super::{
    Case,
    case::{delta, durable, event, marked, stream, tenant, visible},
    checks::{append, ids, read_all},
    content, gaps,
    retention::keep_all,
    view::{Live, at, end, read_tenant, wide},
};
use crate::{ClassesKey, Error, Limits, ReadScope, Retention, StatusKind, Store, Version};

/// The store, if it says that it is durable.
pub(super) async fn open(case: &Case) -> Option<Arc<dyn Store>> {
    let store = case.open().await;
    if !store.capabilities().durable {
        case.lacks("durable");
        return None;
    }
    Some(store)
}

/// The runs of the tenant `default`, where they can be listed.
async fn list(store: &Arc<dyn Store>) -> Vec<(crate::StreamName, crate::RunRecord)> {
    if !store.capabilities().list_streams {
        return Vec::new();
    }
    store.runs(&tenant("default"), None, 10).await.expect("runs")
}

/// What is not durable begins anew: empty, with another epoch, so that old cursors are not taken for its own.
pub async fn what_is_not_durable_begins_anew(case: Case) {
    let store = case.open().await;
    if store.capabilities().durable {
        return case.skip("the store is durable");
    }
    append(&store, vec![durable("a", 0)]).await;
    let mut epochs = vec![store.epoch()];
    let mut store = case.reopen(store).await;
    for _ in 0..3 {
        assert!(read_tenant(&store, "default").await.records.is_empty());
        assert!(!epochs.contains(&store.epoch()), "{} came back", store.epoch());
        epochs.push(store.epoch());
        store = case.reopen(store).await;
    }
}

/// Reopening keeps events, order, classes, records and the numbering.
pub async fn reopening_keeps_everything(case: Case) {
    let Some(mut store) = open(&case).await else {
        return;
    };
    let kinds = content::append_each_kind(&store).await;
    for n in (0..50).step_by(5) {
        append(&store, (n..n + 5).flat_map(|n| [durable("a", n), delta("a", 100 + n)]).collect()).await;
    }
    append(&store, vec![event("other", "a", 0, Class::Durable, Mark::None), marked("a", 200, Mark::Failed)])
        .await;
    let other = ReadScope::Stream(tenant("other"), stream("a"), ClassesKey::Visible);
    let scopes = [visible("a"), wide(&store, "z"), other];
    let of_kinds = ReadScope::Stream(tenant("default"), stream("kinds"), ClassesKey::All);
    let (epoch, tail, lanes) = (store.epoch(), end(&store).await, store.lanes());
    let runs = list(&store).await;
    let mut before = Vec::new();
    for scope in &scopes {
        before.push(read_all(&store, scope).await);
    }
    for round in 0..3 {
        store = case.reopen(store).await;
        assert_eq!((store.epoch(), store.lanes()), (epoch, lanes), "one numbering");
        assert_eq!(store.status().borrow().kind, StatusKind::Ready);
        let now = end(&store).await;
        assert!((0..lanes).map(Lane).all(|lane| now.of(lane) >= tail.of(lane)), "nothing is given back");
        for (scope, before) in scopes.iter().zip(&before) {
            let after = read_all(&store, scope).await;
            assert_eq!((after.ids(), after.positions()), (before.ids(), before.positions()), "{scope:?}");
            assert!(after.gaps.is_empty(), "{:?}", after.gaps);
            for (a, b) in before.records.iter().zip(&after.records) {
                assert_eq!(a.event().json(), b.event().json());
                assert_eq!((a.stored_at_ms(), a.class(), a.mark()), (b.stored_at_ms(), b.class(), b.mark()));
            }
        }
        content::same_kinds(&kinds, &read_all(&store, &of_kinds).await.records);
        assert_eq!(list(&store).await[..runs.len()], runs, "round {round}");
        let next = append(&store, vec![durable("z", round)]).await[0].position;
        assert!(next > tail.of(lane_of("default", "z", lanes)), "positions go on");
        // The scope has one more now.
        before[1] = read_all(&store, &scopes[1]).await;
    }
}

/// The window reaches over a restart.
pub async fn reopening_keeps_recognizing_duplicates(case: Case) {
    let Some(store) = open(&case).await else { return };
    if store.capabilities().dedup_window.is_none() {
        return case.lacks("dedup_window");
    }
    let batch: Vec<_> = (0..10).map(|n| durable("a", n)).collect();
    let first = append(&store, batch.clone()).await;
    let store = case.reopen(store).await;
    let again = append(&store, batch.clone()).await;
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(
            (again.duplicate, again.position, again.stored_at),
            (true, first.position, first.stored_at)
        );
    }
    assert_eq!(read_all(&store, &visible("a")).await.ids(), ids(&batch));
}

/// State values and their versions survive, and versions go on.
pub async fn reopening_keeps_state(case: Case) {
    let Some(store) = open(&case).await else { return };
    let kept = store.put("k", Bytes::from_static(b"v"), None).await.expect("a write");
    let gone = store.put("gone", Bytes::from_static(b"v"), None).await.expect("a write");
    store.delete("gone", gone).await.expect("a deletion");
    let store = case.reopen(store).await;
    let entry = store.get("k").await.expect("a read").expect("a value");
    assert_eq!((&entry.value[..], entry.version), (&b"v"[..], kept));
    assert_eq!(store.list("", None, 10).await.expect("a list"), [entry]);
    let next = store.put("gone", Bytes::from_static(b"v"), None).await.expect("a write");
    assert!(![kept, gone].contains(&next), "{next:?} came back");
    let stale = store.put("k", Bytes::new(), Some(Version(0))).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })), "{stale:?}");
}

/// A deleted stream stays deleted.
pub async fn reopening_brings_nothing_back(case: Case) {
    let Some(store) = open(&case).await else { return };
    if !store.capabilities().delete_stream {
        return case.lacks("delete_stream");
    }
    append(&store, (0..10).flat_map(|n| [durable("a", n), durable("b", n), delta("a", 100 + n)]).collect())
        .await;
    assert!(store.remove(&tenant("default"), &stream("a")).await.expect("a removal"));
    let store = case.reopen(store).await;
    assert!(read_all(&store, &visible("a")).await.records.is_empty());
    assert_eq!(read_tenant(&store, "default").await.records.len(), 10);
    assert!(store.run(&tenant("default"), &stream("a")).await.expect("a call").is_none());
    append(&store, vec![durable("a", 100)]).await;
    let store = case.reopen(store).await;
    assert_eq!(read_all(&store, &visible("a")).await.ids(), ["a/100"]);
}

/// What retention took before a restart is told after it.
pub async fn reopening_keeps_telling_gaps(mut case: Case) {
    let limits = Limits { max_events: Some(10), ..keep_all().durable };
    let store = case.open_with(Retention { durable: limits, ..keep_all() }).await;
    for (able, capability) in
        [(store.capabilities().durable, "durable"), (store.capabilities().retention, "retention")]
    {
        if !able {
            return case.lacks(capability);
        }
    }
    let log = gaps::put_all(&store, (0..30).map(|n| durable(["a", "b"][n % 2], n))).await;
    store.trim().await.expect("a trim");
    let before = read_all(&store, &visible("a")).await;
    assert_eq!(before.gaps.len(), 1);
    let store = case.reopen(store).await;
    assert_eq!(read_all(&store, &visible("a")).await.ids(), before.ids());
    for name in ["a", "b"] {
        gaps::check_every_position(&store, &log, &visible(name), &gaps::of(&log, name)).await;
    }
}

/// A follower of a reopened store goes on where the last one stopped, or is told from where it can.
pub async fn followers_go_on_after_reopening(case: Case) {
    let Some(store) = open(&case).await else { return };
    let middle = append(&store, (0..10).map(|n| durable("a", n)).collect()).await[9].position;
    append(&store, (10..20).map(|n| durable("a", n)).collect()).await;
    let store = case.reopen(store).await;
    let mut live = Live::open(&store, &end(&store).await).await;
    let mut early = Live::open(&store, &at(&store, "a", middle)).await;
    let last = append(&store, vec![durable("a", 20)]).await[0].position;
    let last = at(&store, "a", last);
    let got = live.until(&last).await;
    assert_eq!((got.ids(), got.gaps.len()), (vec!["a/20"], 0), "from the tail nothing is missing");
    let got = early.until(&last).await;
    let told = |p: Position| got.gaps.iter().any(|gap| gap.from < p && p <= gap.to);
    for record in read_all(&store, &visible("a")).await.records.iter().filter(|r| r.position() > middle) {
        let came = got.positions().contains(&record.position());
        assert!(came != told(record.position()), "{} comes or is told as missing", record.position());
    }
}
