//! Deleting a stream.

use std::sync::Arc;

use headwater_events::{Class, Mark, lane_of};

use super::{
    Case,
    case::{delta, durable, event, marked, stream, tenant, visible},
    checks::{append, page, read, read_all},
    view::{Live, at, end, reached, read_tenant, same_order, start},
};
use crate::{ClassesKey, Error, FollowItem, GapReason, Lane, Position, ReadScope, RunState, Store};

async fn open(case: &Case) -> Option<Arc<dyn Store>> {
    let store = case.open().await;
    if store.capabilities().delete_stream {
        return Some(store);
    }
    append(&store, vec![durable("a", 0)]).await;
    let answer = store.remove(&tenant("default"), &stream("a")).await;
    assert!(matches!(answer, Err(Error::Unsupported { .. })), "{answer:?}");
    case.lacks("delete_stream");
    None
}

async fn remove(store: &Arc<dyn Store>, name: &str) -> bool {
    store.remove(&tenant("default"), &stream(name)).await.expect("a removal")
}

/// When the call returns the events are gone from every scope, and nobody else's are.
pub async fn a_deleted_stream_is_gone_from_every_scope(case: Case) {
    let Some(store) = open(&case).await else { return };
    for n in 0..20 {
        let others = [event("other", "a", n, Class::Durable, Mark::None), durable("a-", n), durable("b", n)];
        let own = [
            durable("a", n),
            delta("a", 100 + n),
            event("default", "a", 200 + n, Class::Internal, Mark::None),
        ];
        append(&store, others.into_iter().chain(own).collect()).await;
    }
    let before = end(&store).await;
    assert!(remove(&store, "a").await);
    let lane = lane_of("default", "a", store.lanes());
    let all = ReadScope::Stream(tenant("default"), stream("a"), ClassesKey::All);
    assert!(read_all(&store, &all).await.records.is_empty());
    for scope in [ReadScope::Lane(lane), ReadScope::TenantLane(tenant("default"), lane)] {
        let left = read_all(&store, &scope).await.records;
        assert!(!left.iter().any(|r| r.is_of(&tenant("default"), &stream("a"))), "{scope:?}");
    }
    let left = read_tenant(&store, "default").await.records;
    assert!(!left.iter().any(|r| r.event().stream() == "a"));
    assert_eq!(left.len(), 40, "the others are there");
    let other = ReadScope::Stream(tenant("other"), stream("a"), ClassesKey::Visible);
    assert_eq!(
        read_all(&store, &other).await.records.len(),
        20,
        "another tenant's stream of that name is there"
    );
    assert!(store.run(&tenant("default"), &stream("a")).await.expect("a call").is_none());
    if store.capabilities().list_streams {
        let runs = store.runs(&tenant("default"), None, 10).await.expect("runs");
        assert_eq!(runs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a-", "b"]);
    }
    let after = end(&store).await;
    assert!(
        (0..store.lanes()).map(Lane).all(|l| after.of(l) >= before.of(l)),
        "positions are not given back"
    );
}

/// Who reads on from page to page gets nothing of what was deleted in between, and everything that was stored.
pub async fn who_reads_on_gets_nothing_that_was_deleted(case: Case) {
    let Some(store) = open(&case).await else { return };
    let lane = lane_of("default", "a", store.lanes());
    let names: Vec<_> = (0..)
        .map(|n| format!("b{n}"))
        .filter(|name| lane_of("default", name, store.lanes()) == lane)
        .take(2)
        .collect();
    let [kept, late] = [0, 1].map(|n| names[n].as_str());
    for first in (0..200).step_by(10) {
        let name = if first % 20 == 0 { "a" } else { kept };
        append(&store, (first..first + 10).map(|n| durable(name, n)).collect()).await;
    }
    let mut scopes = vec![ReadScope::Lane(lane), ReadScope::TenantLane(tenant("default"), lane)];
    if store.capabilities().tenant_order {
        scopes.push(ReadScope::Tenant(tenant("default")));
    }
    let mut places = Vec::new();
    for scope in &scopes {
        let mut at = Position::ZERO;
        for _ in 0..4 {
            at = page(&store, scope, at, 20, 1 << 20).await.next;
        }
        places.push(at);
    }
    assert!(remove(&store, "a").await);
    append(&store, vec![durable(late, 200)]).await;
    for (scope, at) in scopes.iter().zip(places) {
        let ids = read(&store, scope, at, 20).await.ids().into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert!(!ids.iter().any(|id| id.starts_with("a/")), "{scope:?}: {ids:?}");
        let others: Vec<_> = (90..200).filter(|n| n / 10 % 2 == 1).map(|n| format!("{kept}/{n}")).collect();
        assert_eq!(ids, [others, vec![format!("{late}/200")]].concat(), "{scope:?}");
    }
}

/// Deleting what is not there says so and does nothing.
pub async fn deleting_nothing(case: Case) {
    let Some(store) = open(&case).await else { return };
    assert!(!remove(&store, "a").await);
    append(&store, vec![durable("a", 0)]).await;
    assert!(remove(&store, "a").await);
    assert!(!remove(&store, "a").await, "it was gone");
    assert!(!store.remove(&tenant("other"), &stream("b")).await.expect("a removal"));
}

/// A name that is used again never sees the old events, and its positions are new.
pub async fn a_name_used_again_starts_anew(case: Case) {
    let Some(store) = open(&case).await else { return };
    for life in 0..4 {
        let batch =
            vec![marked("a", life * 10, Mark::Opens), delta("a", life * 10 + 1), durable("a", life * 10 + 2)];
        let before = store.lane_tail(lane_of("default", "a", store.lanes())).await.expect("a tail");
        let answer = append(&store, batch).await;
        assert!(answer[0].position > before, "positions are never used again");
        let wanted: Vec<_> = (0..3).map(|n| format!("a/{}", life * 10 + n)).collect();
        let fresh = read_all(&store, &visible("a")).await;
        assert_eq!(fresh.ids(), wanted);
        assert!(fresh.gaps.is_empty(), "one who starts now misses nothing: {:?}", fresh.gaps);
        let old = read(&store, &visible("a"), before.prev(), 100).await;
        assert_eq!(old.ids(), wanted);
        assert!(old.gaps.iter().all(|gap| gap.reason == GapReason::Deleted), "{:?}", old.gaps);
        let record = store.run(&tenant("default"), &stream("a")).await.expect("a call").expect("a record");
        assert_eq!((record.first, record.durable, record.transient), (answer[0].position, 2, 1));
        assert_eq!(record.state, RunState::Open);
        append(&store, vec![marked("a", life * 10 + 3, Mark::Completed)]).await;
        assert!(remove(&store, "a").await);
    }
}

/// A follower that begins after the call does not get what was deleted; one that goes on gets what comes.
pub async fn followers_do_not_get_what_was_deleted(case: Case) {
    let Some(store) = open(&case).await else { return };
    let mut before = Live::open(&store, &start(&store)).await;
    let batch: Vec<_> = (0..10).flat_map(|n| [durable("a", n), durable("b", n)]).collect();
    let answer = append(&store, batch.clone()).await;
    before.until(&reached(&store, answer.iter().map(|a| a.position).zip(&batch))).await;
    remove(&store, "a").await;
    let batch = vec![durable("a", 100), durable("b", 100)];
    let answer = append(&store, batch.clone()).await;
    let last = reached(&store, answer.iter().map(|a| a.position).zip(&batch));
    same_order(&store, &before.until(&last).await.records, &batch);
    let mut after = Live::open(&store, &start(&store)).await;
    let got = after.until(&last).await;
    let old = got.records.iter().filter(|r| r.event().stream() == "a" && r.event().id() != "a/100").count();
    assert_eq!(old, 0);
}

/// Followers are told of a deletion, and how far what is gone reaches.
pub async fn followers_are_told(case: Case) {
    let Some(store) = open(&case).await else { return };
    let mut live = Live::open(&store, &start(&store)).await;
    let last = append(&store, vec![durable("a", 0), durable("a", 1)]).await[1].position;
    live.until(&at(&store, "a", last)).await;
    assert!(remove(&store, "a").await);
    let next = append(&store, vec![durable("a", 2)]).await[0].position;
    let (mut told, mut came) = (None, Vec::new());
    while told.is_none() || came.is_empty() {
        match live.next().await.expect("the follower goes on") {
            FollowItem::Batch(batch) => came.extend(batch.iter().map(|r| r.event().id().to_owned())),
            FollowItem::Deleted { tenant: of, stream: name, to } => {
                assert_eq!((of, name), (tenant("default"), stream("a")));
                assert!(told.replace(to).is_none(), "once");
            }
            FollowItem::Gap(gap) => panic!("nothing was lost: {gap:?}"),
        }
    }
    let to = told.expect("it was told");
    assert!(last <= to && to < next, "what is gone reaches to {to}, between {last} and {next}");
    assert_eq!(came, ["a/2"]);
}

/// Appending and deleting at once leaves a stream that agrees with its record.
pub async fn deleting_while_it_is_written(case: Case) {
    let Some(store) = open(&case).await else { return };
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..100 {
                append(&store, vec![durable("a", 2 * n), durable("a", 2 * n + 1)]).await;
            }
        })
    };
    while !writer.is_finished() {
        remove(&store, "a").await;
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer");
    append(&store, vec![durable("a", 1000)]).await;
    let left = read_all(&store, &visible("a")).await;
    let of_tenant = read_tenant(&store, "default").await;
    assert_eq!(left.positions(), of_tenant.positions());
    let record = store.run(&tenant("default"), &stream("a")).await.expect("a call").expect("a record");
    assert_eq!(record.durable, left.records.len() as u64);
    assert_eq!(Some(&record.first), left.positions().first());
}
