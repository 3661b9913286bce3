//! Layers, and effects that happen once.
#![allow(clippy::unwrap_used)]

mod kit;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use headwater_broker::{ConsumerGroups, EventPublisher};
use headwater_store::{MemoryOptions, MemoryStore, SystemClock};
use headwater_worker::{
    Failure, Handler,
    claims::{Claim, ClaimKey, Claims, MemoryClaims, StateClaims},
    handler_fn,
    layers::{Idempotent, Metered, RateLimit, Timeout},
};
use kit::{broker, group, letters, ms, note, publish, settled, worker};
use tokio::sync::Notify;

fn key(n: usize) -> ClaimKey {
    ClaimKey::new(&group("g"), &note("a", n))
}

/// What every kind of claims must keep.
async fn keeps_the_contract(claims: Arc<dyn Claims>) {
    let (long, short) = (Duration::from_secs(60), ms(50));
    let Claim::Granted(token) = claims.claim(&key(0), long).await.unwrap() else { panic!("it is free") };
    assert!(matches!(claims.claim(&key(0), long).await.unwrap(), Claim::Held(left) if left <= long));
    assert!(!claims.complete(&key(0), token ^ 1, long).await.unwrap(), "nobody completes another one's");
    claims.release(&key(0), token ^ 1).await.unwrap();
    assert!(
        matches!(claims.claim(&key(0), long).await.unwrap(), Claim::Held(_)),
        "nobody frees another one's"
    );
    claims.release(&key(0), token).await.unwrap();
    let Claim::Granted(token) = claims.claim(&key(0), long).await.unwrap() else {
        panic!("a failure frees it")
    };
    assert!(claims.complete(&key(0), token, long).await.unwrap());
    assert_eq!(claims.claim(&key(0), long).await.unwrap(), Claim::Done);
    claims.release(&key(0), token).await.unwrap();
    assert_eq!(claims.claim(&key(0), long).await.unwrap(), Claim::Done, "done is done");
    // A claim that expired is somebody else's, and its first owner completes nothing.
    let Claim::Granted(old) = claims.claim(&key(1), short).await.unwrap() else { panic!("it is free") };
    tokio::time::sleep(short * 2).await;
    let Claim::Granted(new) = claims.claim(&key(1), long).await.unwrap() else { panic!("it has expired") };
    assert!(!claims.complete(&key(1), old, long).await.unwrap());
    assert!(claims.complete(&key(1), new, short).await.unwrap());
    tokio::time::sleep(short * 2).await;
    assert!(
        matches!(claims.claim(&key(1), long).await.unwrap(), Claim::Granted(_)),
        "what was done is forgotten"
    );
    // Of many who claim at once, one has it.
    let granted = Arc::new(AtomicU32::new(0));
    let all = (0..16).map(|_| {
        let (claims, granted) = (Arc::clone(&claims), Arc::clone(&granted));
        tokio::spawn(async move {
            if let Claim::Granted(_) = claims.claim(&key(2), long).await.unwrap() {
                granted.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(granted.load(Ordering::SeqCst), 1);
}

fn state_claims() -> Arc<StateClaims> {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    Arc::new(StateClaims::new(store, Arc::new(SystemClock)))
}

#[tokio::test]
async fn claims_in_memory_keep_the_contract() {
    keeps_the_contract(Arc::new(MemoryClaims::new(1000))).await;
}

#[tokio::test]
async fn claims_in_a_store_keep_the_contract() {
    keeps_the_contract(state_claims()).await;
}

#[tokio::test]
async fn what_has_expired_is_swept_and_nothing_else() {
    let claims = state_claims();
    for n in 0..3 {
        let length = if n == 0 { Duration::from_secs(60) } else { ms(1) };
        claims.claim(&key(n), length).await.unwrap();
    }
    tokio::time::sleep(ms(20)).await;
    assert_eq!(claims.sweep().await.unwrap(), 2);
    assert!(matches!(claims.claim(&key(0), ms(1)).await.unwrap(), Claim::Held(_)));
}

#[tokio::test]
async fn claims_in_memory_are_limited() {
    let claims = MemoryClaims::new(10);
    for n in 0..100 {
        assert!(matches!(claims.claim(&key(n), Duration::from_secs(60)).await.unwrap(), Claim::Granted(_)));
    }
    let held = (0..100).map(async |n| matches!(claims.claim(&key(n), ms(1)).await.unwrap(), Claim::Held(_)));
    let mut count = 0;
    for one in held {
        count += usize::from(one.await);
    }
    assert!(count <= 10, "{count}");
}

/// Runs a worker until its group has nothing open.
async fn run(
    broker: &Arc<headwater_broker::Broker>,
    name: &str,
    build: impl FnOnce(headwater_worker::Builder) -> headwater_worker::Worker,
) -> headwater_worker::Report {
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let worker = build(worker(broker.clone(), name));
    let running = tokio::spawn(worker.run(async move { stopped.notified().await }));
    settled(broker, name).await;
    stop.notify_one();
    running.await.unwrap().unwrap()
}

fn counting(calls: &Arc<AtomicU32>) -> impl Handler {
    let calls = Arc::clone(calls);
    handler_fn(move |_, _| {
        let calls = Arc::clone(&calls);
        async move {
            if calls.fetch_add(1, Ordering::SeqCst) == 0 {
                Err(Failure::retry("the first call fails"))
            } else {
                Ok(())
            }
        }
    })
}

#[tokio::test]
async fn an_event_that_comes_again_has_its_effect_once_and_a_failure_is_no_success() {
    let broker = broker().await;
    publish(&broker, &[note("a", 0)]).await;
    let calls = Arc::new(AtomicU32::new(0));
    let claims: Arc<dyn Claims> = Arc::new(MemoryClaims::new(100));
    let report = run(&broker, "once", |builder| {
        builder.layer(Idempotent::new(Arc::clone(&claims))).build(counting(&calls)).unwrap()
    })
    .await;
    assert_eq!(calls.load(Ordering::SeqCst), 2, "failed, then done: {report:?}");
    // The group begins anew, as after a lost ack: the event comes again and has no effect.
    broker.delete_group(&group("once")).await.unwrap();
    let report = run(&broker, "once", |builder| {
        builder.layer(Idempotent::new(Arc::clone(&claims))).build(counting(&calls)).unwrap()
    })
    .await;
    assert_eq!((report.succeeded, calls.load(Ordering::SeqCst)), (1, 2));
}

#[tokio::test]
async fn a_handler_that_panicked_or_was_dropped_leaves_no_claim_behind() {
    let broker = broker().await;
    publish(&broker, &[note("panics", 0), note("hangs", 0)]).await;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let claims: Arc<dyn Claims> = Arc::new(MemoryClaims::new(100));
    let report = run(&broker, "freed", |builder| {
        let handler = handler_fn(move |event, context: headwater_worker::Context| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match (event.stream(), context.attempt()) {
                    ("panics", 1) => panic!("at first"),
                    ("hangs", 1) => std::future::pending().await,
                    _ => Ok(()),
                }
            }
        });
        let once = Idempotent::new(Arc::clone(&claims));
        builder.layer(Timeout::after(ms(50))).layer(once).build(handler).unwrap()
    })
    .await;
    assert_eq!((report.succeeded, report.failed, calls.load(Ordering::SeqCst)), (2, 2, 4), "{report:?}");
    assert!(letters(&broker, "freed").await.is_empty());
}

#[tokio::test]
async fn layers_lie_around_each_other_in_the_order_they_were_given() {
    let broker = broker().await;
    publish(&broker, &(0..5).map(|n| note(&format!("r{n}"), 0)).collect::<Vec<_>>()).await;
    let calls = Arc::new(AtomicU32::new(0));
    let start = tokio::time::Instant::now();
    run(&broker, "layers", |builder| {
        builder
            .layer(Metered::default())
            .layer(RateLimit::per_second(50))
            .layer(Timeout::after(Duration::from_secs(5)))
            .build(counting(&calls))
            .unwrap()
    })
    .await;
    assert_eq!(calls.load(Ordering::SeqCst), 6, "five, and one again");
    // A floor, not a speed: six calls at fifty a second are five waits.
    assert!(start.elapsed() >= ms(100), "{:?}", start.elapsed());
    let published = broker.publish(&[note("r0", 9)]).await.unwrap();
    assert_eq!(published.len(), 1);
}
