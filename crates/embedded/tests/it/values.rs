//! What one commit stores is in few values: readers come into the middle of them, and pieces of them go.

use crate::common::{event, of, positions, scope, stream, tenant};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, verify};
use headwater_store::{
    Append, Class, ClassesKey, Error, EventLog, Lane, Mark, Position, ReadScope, Record, Tenant,
};

const CLASSES: [Class; 4] = [Class::Durable, Class::Transient, Class::Durable, Class::Internal];

async fn open(path: &std::path::Path) -> EmbeddedStore {
    EmbeddedStore::open(path, EmbeddedOptions::default()).await.unwrap()
}

/// Streams of two tenants, all classes, mixed.
fn batch(from: usize, len: usize) -> Vec<Append> {
    let tenants = ["default", "other"];
    (from..from + len)
        .map(|n| {
            let name = format!("run-{}", n * 7 % 5);
            of(tenants[n % 3 % 2], &name, n, CLASSES[n * 11 / 3 % 4], Mark::None)
        })
        .collect()
}

/// All that behind any position is in a scope, read in pages of three.
async fn check(store: &EmbeddedStore, scope: &ReadScope, expected: &[u64], tail: u64) {
    for after in (0..tail).step_by(13) {
        let mut read = Vec::new();
        let mut from = Position(after);
        loop {
            let page = store.read(scope, from, 3, usize::MAX).await.unwrap();
            assert!(page.records.len() <= 3);
            read.extend(positions(&page.records));
            from = page.next;
            if !page.more {
                break;
            }
        }
        let expected: Vec<_> = expected.iter().copied().filter(|position| *position > after).collect();
        assert_eq!(read, expected, "{scope:?} after {after}");
    }
}

async fn check_all(store: &EmbeddedStore, stored: &[(u64, Append)]) {
    let tail = stored.last().unwrap().0;
    let of = |wanted: &dyn Fn(&Append) -> bool| -> Vec<u64> {
        stored.iter().filter(|(_, append)| wanted(append)).map(|(position, _)| *position).collect()
    };
    let durable = |append: &Append| append.class == Class::Durable;
    for name in ["default", "other"].map(tenant) {
        check(store, &ReadScope::Tenant(name.clone()), &of(&|a| durable(a) && a.tenant == name), tail).await;
        for run in (0..5).map(|n| stream(&format!("run-{n}"))) {
            let own = |append: &Append| append.tenant == name && append.stream == run;
            let scope = |classes| ReadScope::Stream(name.clone(), run.clone(), classes);
            check(store, &scope(ClassesKey::All), &of(&own), tail).await;
            let visible = of(&|a| own(a) && a.class != Class::Internal);
            check(store, &scope(ClassesKey::Visible), &visible, tail).await;
        }
    }
    for lane in (0..store.lanes()).map(Lane) {
        let lane_of =
            |a: &Append| headwater_events::lane_of(a.tenant.as_str(), a.stream.as_str(), store.lanes());
        check(store, &ReadScope::Lane(lane), &of(&|a| durable(a) && lane_of(a) == lane), tail).await;
    }
}

#[tokio::test]
async fn every_scope_is_read_from_every_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut stored = Vec::new();
    for (from, len) in [(0, 97), (97, 1), (98, 102)] {
        let batch = batch(from, len);
        let answers = store.append(batch.clone()).await.unwrap();
        stored.extend(answers.iter().map(|answer| answer.position.0).zip(batch));
    }
    check_all(&store, &stored).await;
    // Whoever is deleted is gone from the values that it shares with others.
    assert!(store.remove(&Tenant::default(), &stream("run-3")).await.unwrap());
    let gone = stored.len();
    stored.retain(|(_, a)| a.tenant != Tenant::default() || a.stream != stream("run-3"));
    check_all(&store, &stored).await;
    while store.stats().cleared < (gone - stored.len()) as u64 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    check_all(&store, &stored).await;
    drop(store);
    let report = verify(dir.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.references, 2 * report.durable);
    check_all(&open(dir.path()).await, &stored).await;
}

#[tokio::test]
async fn a_large_batch_is_cut_into_values() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let append = |n: usize| {
        let mut append = event("a", n, Class::Durable, Mark::None);
        let text = "x".repeat(if n.is_multiple_of(100) { 150_000 } else { 10 });
        append.event = append.event.to_builder().data(&text).build().unwrap();
        append
    };
    store.append((0..3_000).map(append).collect()).await.unwrap();
    let every: Vec<_> = (1..=3_000).collect();
    for scope in [scope("a"), ReadScope::Tenant(Tenant::default())] {
        let read = crate::common::all(&store, &scope).await;
        assert_eq!(positions(&read), every);
        let page = store.read(&scope, Position(2_345), 10, usize::MAX).await.unwrap();
        assert_eq!(page.records.first().map(Record::position), Some(Position(2_346)));
    }
    drop(store);
    assert!(verify(dir.path()).unwrap().is_sound());
}

/// Takes away the first value of a keyspace, behind the log's back.
fn lose(path: &std::path::Path, keyspace: &str) {
    let db = fjall::Database::builder(path.join("db")).open().unwrap();
    let keys = db.keyspace(keyspace, fjall::KeyspaceCreateOptions::default).unwrap();
    let key = keys.iter().next().unwrap().key().unwrap();
    keys.remove(key).unwrap();
    db.persist(fjall::PersistMode::SyncAll).unwrap();
}

#[tokio::test]
async fn a_value_that_is_missing_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..3 {
        store
            .append((0..10).map(|i| event("a", n * 10 + i, Class::Durable, Mark::None)).collect())
            .await
            .unwrap();
    }
    drop(store);
    lose(dir.path(), "d.1");
    let report = verify(dir.path()).unwrap();
    // Ten events of a commit, and two references to each.
    assert_eq!(report.damaged, 1 + 20, "{report:?}");
    let store = open(dir.path()).await;
    let read = store.read(&ReadScope::Tenant(Tenant::default()), Position::ZERO, 100, usize::MAX).await;
    assert!(matches!(read, Err(Error::Corrupt { .. })), "{read:?}");
}

#[tokio::test]
async fn references_that_are_missing_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.append(batch(0, 40)).await.unwrap();
    drop(store);
    let whole = verify(dir.path()).unwrap();
    assert!(whole.is_sound());
    let db = fjall::Database::builder(dir.path().join("db")).open().unwrap();
    let keys = db.keyspace("r.1", fjall::KeyspaceCreateOptions::default).unwrap();
    let key = keys.prefix([2]).next().unwrap().key().unwrap();
    keys.remove(key).unwrap();
    db.persist(fjall::PersistMode::SyncAll).unwrap();
    drop((keys, db));
    let report = verify(dir.path()).unwrap();
    assert!(report.damaged > 0, "{report:?}");
    assert_eq!(report.damaged, whole.references - report.references);
}

#[tokio::test]
async fn a_cut_inside_of_values_is_told_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = EmbeddedOptions::default();
    options.retention.durable.max_events = Some(25);
    options.retention.transient.max_events = Some(4);
    let open = || EmbeddedStore::open(dir.path(), options.clone());
    let store = open().await.unwrap();
    // Positions 1 to 60: durable and internal ones in turn in `a`, `b` now and then; deltas of `b` behind them.
    let first = (1..=60_usize).map(|n| match n {
        n if n.is_multiple_of(5) => event("b", n, Class::Durable, Mark::None),
        n if n.is_multiple_of(2) => event("a", n, Class::Internal, Mark::None),
        n => event("a", n, Class::Durable, Mark::None),
    });
    let deltas = (61..=70).map(|n| event("b", n, Class::Transient, Mark::None));
    store.append(first.chain(deltas).collect()).await.unwrap();
    store.trim().await.unwrap();
    store.close().await.unwrap();
    drop(store);
    assert!(verify(dir.path()).unwrap().is_sound());
    for _ in 0..2 {
        let store = open().await.unwrap();
        let a = crate::common::page(&store, &scope("a"), Position::ZERO).await;
        assert_eq!(positions(&a.records), [37, 39, 41, 43, 47, 49, 51, 53, 57, 59]);
        assert_eq!(a.gaps.iter().map(|gap| gap.to.0).collect::<Vec<_>>(), [33]);
        let b = crate::common::page(&store, &scope("b"), Position(5)).await;
        assert_eq!(positions(&b.records), [40, 45, 50, 55, 60, 67, 68, 69, 70]);
        assert_eq!(b.gaps.iter().map(|gap| gap.to.0).collect::<Vec<_>>(), [35, 66]);
        let every = crate::common::page(&store, &ReadScope::Tenant(Tenant::default()), Position(2)).await;
        assert_eq!(every.records.len(), 15);
        assert_eq!((every.records[0].position(), every.gaps[0].to), (Position(37), Position(35)));
        let run = store.run(&Tenant::default(), &stream("a")).await.unwrap().unwrap();
        assert_eq!(run.removed, Position(33));
    }
}
