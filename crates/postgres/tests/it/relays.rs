//! Several relays, and what is kept.

use std::{collections::BTreeMap, time::Duration};

use headwater_postgres::RelayOptions;

use crate::support::{Base, base, broker, event, eventually, numbers, quick};

/// How many slots each relay has, of those whose lease stands.
async fn shares(base: &Base) -> Vec<i64> {
    headwater_postgres::sqlx::query_scalar(
        "SELECT count(*) FROM headwater.outbox_slots WHERE until > clock_timestamp() GROUP BY relay ORDER BY 1",
    )
    .fetch_all(&base.pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_relays_and_four_writers_keep_every_run_in_order() {
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let options = RelayOptions { batch_events: 20, ..quick() };
    let relays = [base.relay(broker.clone(), options.clone()), base.relay(broker.clone(), options)];
    eventually("shares", async || shares(&base).await == [16, 16]).await;
    // Each writer has runs of its own, so that there is an order to compare with, and commits in reverse order.
    let mut writers = Vec::new();
    for writer in 0..4 {
        let (pool, outbox) = (base.pool.clone(), base.outbox());
        writers.push(tokio::spawn(async move {
            for n in 0..50 {
                let mut first = pool.begin().await.unwrap();
                outbox.enqueue(&mut first, &event(&format!("run-{writer}-{}", n % 5), 2 * n)).await.unwrap();
                let mut second = pool.begin().await.unwrap();
                outbox
                    .enqueue(&mut second, &event(&format!("run-{writer}-{}", n % 5), 2 * n + 1))
                    .await
                    .unwrap();
                second.commit().await.unwrap();
                first.commit().await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    base.drained().await;
    for writer in 0..4 {
        for run in 0..5 {
            let expected: Vec<usize> = (0..100).filter(|n| n / 2 % 5 == run).collect();
            assert_eq!(numbers(&*broker, &format!("run-{writer}-{run}")).await, expected);
        }
    }
    for relay in relays {
        assert!(relay.status.borrow().published > 0, "one did all the work");
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_divided_again_when_relays_come_and_go() {
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let first = base.relay(broker.clone(), quick());
    eventually("all", async || shares(&base).await == [32]).await;
    let (second, third) = (base.relay(broker.clone(), quick()), base.relay(broker.clone(), quick()));
    eventually("thirds", async || shares(&base).await == [10, 11, 11]).await;
    second.stop().await;
    eventually("halves", async || shares(&base).await == [16, 16]).await;
    third.abort().await;
    eventually("the share of one that died passes", async || shares(&base).await == [32]).await;
    let mut expected = BTreeMap::new();
    for n in 0..64 {
        let run = format!("run-{n}");
        base.enqueue(&[event(&run, n)]).await;
        expected.insert(run, n);
    }
    base.drained().await;
    for (run, n) in expected {
        assert_eq!(numbers(&*broker, &run).await, [n]);
    }
    first.stop().await;
    assert_eq!(shares(&base).await, [] as [i64; 0], "who stops hands over at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn published_rows_are_kept_as_long_as_asked() {
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let kept = "SELECT count(*) FROM headwater.outbox_published";
    let relay = base.relay(broker.clone(), quick());
    base.enqueue(&[event("run", 0), event("run", 1)]).await;
    base.drained().await;
    assert_eq!(base.number(kept).await, 2);
    base.run("UPDATE headwater.outbox_published SET published_at = now() - interval '2 hours' WHERE event LIKE '%run-0%'").await;
    eventually("not removed", async || base.number(kept).await == 1).await;
    relay.stop().await;
    let relay = base.relay(broker.clone(), RelayOptions { retention: Duration::ZERO, ..quick() });
    base.enqueue(&[event("run", 2)]).await;
    base.drained().await;
    eventually("kept nothing", async || base.number(kept).await == 0).await;
    assert_eq!(numbers(&*broker, "run").await, [0, 1, 2]);
    relay.stop().await;
}
