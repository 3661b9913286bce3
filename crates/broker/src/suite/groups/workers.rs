//! Workers that come, go, die, and take long.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::kit::{LEASE, each, fetch, group, ids, make, nothing_left, quick, settle, worker};
use crate::{
    GroupConfig, Refused, Start, Verdict,
    suite::{
        Factory, PATIENCE,
        kit::{note, plain, publish, publish_all},
    },
};

/// Workers that come get their share of the lanes, those that go leave theirs, and no event is with two of them.
pub async fn workers_share_and_come_and_go(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "share").await;
    let events: Vec<_> = (0..600).map(|n| note(&format!("r{}", n % 60), n)).collect();
    publish_all(&*broker, &events).await;
    let mut tasks = Vec::new();
    let left = Arc::new(std::sync::atomic::AtomicUsize::new(events.len()));
    for n in 0..4u64 {
        let (broker, group, left) = (Arc::clone(&broker), group.clone(), Arc::clone(&left));
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(60 * n)).await;
            let name = format!("w{n}");
            let mut got = Vec::new();
            while left.load(std::sync::atomic::Ordering::SeqCst) > 0 {
                let deliveries = fetch(&*broker, &group, &name, 5).await.deliveries;
                settle(&*broker, &group, &deliveries, &Verdict::Ack).await;
                left.fetch_sub(deliveries.len(), std::sync::atomic::Ordering::SeqCst);
                got.extend(ids(&deliveries).into_iter().map(str::to_owned));
                if n == 3 && got.len() > 20 {
                    broker.leave(&group, &worker(&name)).await.expect("it may go");
                    break;
                }
            }
            got
        }));
    }
    let mut all = Vec::new();
    let mut busy = 0;
    for task in tasks {
        let got = task.await.expect("a worker");
        busy += usize::from(!got.is_empty());
        all.extend(got);
    }
    assert!(busy > 1, "the work was shared");
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((all.len(), count), (600, 600), "each event to one worker, once");
}

/// What a worker had that died comes to another one, with an attempt spent; what the dead one says later is refused.
pub async fn a_dead_workers_events_are_taken_over(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "over").await;
    let events: Vec<_> = (0..10).map(|n| note(&format!("r{n}"), n)).collect();
    publish(&*broker, &events).await;
    let mut held = Vec::new();
    while held.len() < 10 {
        held.extend(fetch(&*broker, &group, "dies", 10).await.deliveries);
    }
    let mut again = Vec::new();
    let start = tokio::time::Instant::now();
    while again.len() < 10 {
        assert!(start.elapsed() < PATIENCE, "{} of 10 were taken over", again.len());
        let got = fetch(&*broker, &group, "lives", 10).await.deliveries;
        settle(&*broker, &group, &got, &Verdict::Ack).await;
        again.extend(got);
    }
    let fences: HashMap<_, _> = held.iter().map(|leased| (leased.event().id(), leased.fence)).collect();
    for leased in &again {
        assert_eq!(leased.attempt, 2, "one attempt was spent");
        assert!(leased.fence >= fences[leased.event().id()], "fences grow");
    }
    let late = broker.settle(&group, each(&held, &Verdict::Ack)).await.expect("an answer");
    assert!(late.iter().all(|result| *result == Err(Refused::NotHeld)), "{late:?}");
    nothing_left(&*broker, &group, "lives").await;
}

/// A handler that takes longer than the lease keeps its event as long as it says so.
pub async fn an_extended_lease_is_kept(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    // Long enough for a slow server to answer several times within it.
    let lease = 3 * LEASE;
    let group = group("extend");
    let config = GroupConfig { lease, ..quick() };
    assert!(broker.put_group(&group, Start::Earliest, config).await.expect("a group"), "it is new");
    publish(&*broker, &[note("a", 0)]).await;
    let got = fetch(&*broker, &group, "slow", 1).await.deliveries;
    assert_eq!(ids(&got), ["a/0"]);
    for _ in 0..9 {
        tokio::time::sleep(lease / 6).await;
        let extended = broker.extend(&group, &[got[0].lease]).await.expect("an answer");
        assert_eq!(extended, [Ok(())]);
        let other = fetch(&*broker, &group, "other", 1).await.deliveries;
        assert!(other.is_empty(), "it stays where it is");
    }
    settle(&*broker, &group, &got, &Verdict::Ack).await;
    nothing_left(&*broker, &group, "other").await;
}
