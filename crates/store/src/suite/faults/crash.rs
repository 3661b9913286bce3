//! Crashes and failing disks, as far as the fixture can make them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use headwater_events::lane_of;

use super::super::{
    Case,
    case::{delta, durable, visible},
    checks::{append, ids, read_all},
    durable::open,
};
use crate::{Append, Appended, Error, Store};

/// How long a store may take to come back.
const BACK: Duration = Duration::from_secs(30);

/// One writer's events, in batches of four.
fn batches(writer: usize) -> impl Iterator<Item = Vec<Append>> {
    (0..).map(move |call| {
        let n = 10 * call;
        let name = format!("w{writer}");
        vec![durable(&name, n), delta(&name, n + 1), durable(&name, n + 2), durable(&name, n + 3)]
    })
}

/// Every batch is there whole or not at all, once, and each answered one where it was answered.
async fn check(store: &Arc<dyn Store>, writer: usize, answered: &[Vec<Appended>]) {
    let got = read_all(store, &visible(&format!("w{writer}"))).await;
    assert!(got.gaps.is_empty(), "nothing is lost: {:?}", got.gaps);
    let positions: Vec<_> = answered.iter().flatten().map(|a| a.position).collect();
    assert_eq!(
        got.positions()[..positions.len().min(got.records.len())],
        positions,
        "what was answered is there"
    );
    let wanted: Vec<_> = batches(writer).take(got.records.len().div_ceil(4)).collect();
    let wanted: Vec<_> = wanted.iter().flat_map(|batch| ids(batch)).collect();
    if store.capabilities().atomic_batch {
        assert_eq!(got.ids(), wanted, "whole batches, in order, once");
    } else {
        assert_eq!(got.ids(), wanted[..got.records.len()], "in order, once");
    }
}

/// A crash while many write: what was answered is there, batches are whole, positions go on, and sending again what
/// was not answered stores it once.
pub async fn a_crash_keeps_what_was_answered(case: Case) {
    let Some(mut store) = open(&case).await else {
        return;
    };
    let count = Arc::new(AtomicUsize::new(0));
    let mut answered: Vec<Vec<Vec<Appended>>> = vec![Vec::new(); 6];
    for round in 1..=3 {
        let writers: Vec<_> = answered
            .iter()
            .map(Vec::len)
            .enumerate()
            .map(|(writer, done)| {
                let (store, count) = (Arc::clone(&store), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut answered = Vec::new();
                    for batch in batches(writer).skip(done) {
                        match store.append(batch).await {
                            Ok(answer) => {
                                answered.push(answer);
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(_) => break,
                        }
                    }
                    answered
                })
            })
            .collect();
        while count.load(Ordering::Relaxed) < 50 * round {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if !case.fixture().crash(&store).await {
            writers.iter().for_each(tokio::task::JoinHandle::abort);
            return case.skip("the fixture cannot crash the store");
        }
        for (all, writer) in answered.iter_mut().zip(writers) {
            all.extend(writer.await.expect("a writer"));
        }
        drop(store);
        store = case.open().await;
        for (writer, answered) in answered.iter().enumerate() {
            let lane = lane_of("default", &format!("w{writer}"), store.lanes());
            let highest = answered.iter().flatten().map(|a| a.position).max().unwrap_or_default();
            assert!(store.lane_tail(lane).await.expect("a tail") >= highest);
        }
        for (writer, answered) in answered.iter().enumerate() {
            check(&store, writer, answered).await;
        }
    }
}

/// While writes fail, appends fail and may be sent again, reading goes on, and afterwards everything is stored once.
pub async fn failing_writes_lose_nothing(case: Case) {
    let store = case.open().await;
    let mut sent = batches(0);
    let mut answered = Vec::new();
    for batch in sent.by_ref().take(5) {
        answered.push(append(&store, batch).await);
    }
    if !case.fixture().fail_writes(true) {
        return case.skip("the fixture cannot make writes fail");
    }
    let batch = sent.next().expect("a batch");
    for _ in 0..3 {
        let error = store.append(batch.clone()).await.expect_err("writes fail");
        assert!(error.is_retryable(), "{error}");
        check(&store, 0, &answered).await;
    }
    case.fixture().fail_writes(false);
    answered.push(until_it_works(&store, batch).await);
    for batch in sent.take(5) {
        answered.push(append(&store, batch).await);
    }
    check(&store, 0, &answered).await;
    if store.capabilities().durable {
        let store = case.reopen(store).await;
        check(&store, 0, &answered).await;
    }
}

/// Sends the same batch until it is stored.
async fn until_it_works(store: &Arc<dyn Store>, batch: Vec<Append>) -> Vec<Appended> {
    let start = Instant::now();
    loop {
        match store.append(batch.clone()).await {
            Ok(answer) => return answer,
            Err(Error::Closed) => panic!("a store that failed comes back by itself"),
            Err(error) => assert!(start.elapsed() < BACK && error.is_retryable(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
