//! History that is not in memory: scanning a lane within limits.

use std::sync::Arc;

use headwater_kafka::KafkaStore;
use headwater_store::{
    Append, Class, ClassesKey, Event, EventLog, Lane, Position, ReadScope, Record, StreamName, Tenant,
};

const RUNS: usize = 5;
const EVENTS: usize = 400;

/// The event number `n` of all, of one of the runs in turn; every third is a delta.
fn event(n: usize) -> Append {
    let (tenant, stream) = (Tenant::default(), name(n % RUNS));
    let event = Event::builder("/test", "test.event.v1").id(n.to_string()).tenant(&tenant).stream(&stream);
    let event = event.data(&serde_json::json!({ "n": n })).build().expect("an event");
    let class = if n.is_multiple_of(3) { Class::Transient } else { Class::Durable };
    Append { class, ..Append::new(event).expect("an event") }
}

fn name(run: usize) -> StreamName {
    format!("run-{run}").parse().expect("a name")
}

/// Nothing in memory, one lane for all, and little looked at in one read.
async fn store() -> Arc<KafkaStore> {
    let place = crate::kit::OnKafka::new();
    let mut options = place.options().await;
    (options.lanes, options.readers, options.scan_records, options.ring_bytes) = (1, 3, 17, 1);
    let store = KafkaStore::open(options).await.expect("the store opens");
    for from in (0..EVENTS).step_by(40) {
        store.append((from..from + 40).map(event).collect()).await.expect("an append");
    }
    Arc::new(store)
}

async fn read(store: &KafkaStore, scope: &ReadScope, after: Position, limit: usize) -> Vec<Record> {
    let (mut records, mut next) = (Vec::new(), after);
    loop {
        let page = store.read(scope, next, limit, 1 << 20).await.expect("a page");
        assert!(page.records.len() <= limit && page.gaps.is_empty(), "{page:?}");
        assert!(page.next > next || !page.more, "a page with more moves on");
        records.extend(page.records);
        next = page.next;
        if !page.more {
            return records;
        }
    }
}

fn numbers(records: &[Record]) -> Vec<usize> {
    records.iter().map(|record| record.event().id().parse().expect("a number")).collect()
}

/// Every scope in pages of every size, from everywhere, by more readers at once than there are connections.
#[tokio::test(flavor = "multi_thread")]
async fn scans_give_what_there_is() {
    let store = store().await;
    let mut readers = Vec::new();
    for limit in [1, 3, 50, 1000] {
        for run in 0..RUNS {
            let store = Arc::clone(&store);
            readers.push(tokio::spawn(async move {
                let all = ReadScope::Stream(Tenant::default(), name(run), ClassesKey::All);
                let wanted: Vec<_> = (0..EVENTS).filter(|n| n % RUNS == run).collect();
                let records = read(&store, &all, Position::ZERO, limit).await;
                assert_eq!(numbers(&records), wanted, "{all:?} in pages of {limit}");
                for at in [7, 40, 79] {
                    let rest = read(&store, &all, records[at].position(), limit).await;
                    assert_eq!(numbers(&rest), wanted[at + 1..], "from the middle");
                }
            }));
        }
    }
    for reader in readers {
        reader.await.expect("a reader");
    }
    let durable: Vec<_> = (0..EVENTS).filter(|n| !n.is_multiple_of(3)).collect();
    for scope in [ReadScope::Lane(Lane(0)), ReadScope::TenantLane(Tenant::default(), Lane(0))] {
        assert_eq!(numbers(&read(&store, &scope, Position::ZERO, 100).await), durable);
    }
    let nobody = ReadScope::TenantLane("nobody".parse().expect("a tenant"), Lane(0));
    assert!(read(&store, &nobody, Position::ZERO, 100).await.is_empty());
    store.close().await.expect("the store closes");
}

/// Opening reads from where the records of runs were saved, and knows them as they were.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_runs_are_saved() {
    let place = crate::kit::OnKafka::new();
    let mut options = place.options().await;
    options.lanes = 2;
    let store = KafkaStore::open(options.clone()).await.expect("the store opens");
    store.append((0..EVENTS).map(event).collect()).await.expect("an append");
    let before = store.runs(&Tenant::default(), None, 100).await.expect("runs");
    assert_eq!(before.len(), RUNS);
    store.close().await.expect("the store closes");
    for round in 1..3 {
        let store = KafkaStore::open(options.clone()).await.expect("the store opens");
        let other = KafkaStore::open(options.clone()).await.expect("another one opens");
        for store in [&store, &other] {
            assert_eq!(store.runs(&Tenant::default(), None, 100).await.expect("runs")[..RUNS], before);
        }
        // A run of its own, so that the others stay as they are.
        let mut one = event(RUNS);
        one.stream = format!("z-{round}").parse().expect("a name");
        one.event = one.event.to_builder().stream(&one.stream).build().expect("an event");
        store.append(vec![one]).await.expect("an append");
        let listed = other.runs(&Tenant::default(), None, 100).await.expect("runs");
        assert_eq!((listed.len(), &listed[..RUNS]), (RUNS + round, &before[..]));
        // Both save what they know.
        store.close().await.expect("the store closes");
        other.close().await.expect("the other closes");
    }
}
