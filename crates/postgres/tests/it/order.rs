//! Order, gaps, and transactions that overlap.

use std::time::Duration;

use headwater_postgres::outbox::Backlog;

use crate::support::{base, broker, event, eventually, numbers, quick};

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_is_published_and_what_is_rolled_back_is_not() {
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    base.enqueue(&[event("run", 0), event("run", 1)]).await;
    let mut tx = base.pool.begin().await.unwrap();
    base.outbox().enqueue(&mut tx, &event("run", 2)).await.unwrap();
    tx.rollback().await.unwrap();
    base.enqueue(&[event("run", 3)]).await;
    eventually("nothing came", async || numbers(&*broker, "run").await == [0, 1, 3]).await;
    base.drained().await;
    assert_eq!(base.number("SELECT count(*) FROM headwater.outbox_published").await, 3);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_commit_in_reverse_order_are_published_in_the_order_they_began() {
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    let outbox = base.outbox();
    for round in 0..20 {
        let mut open = Vec::new();
        for writer in 0..4 {
            let mut tx = base.pool.begin().await.unwrap();
            outbox.enqueue(&mut tx, &event("run", round * 4 + writer)).await.unwrap();
            open.push(tx);
        }
        for tx in open.into_iter().rev() {
            tx.commit().await.unwrap();
        }
    }
    base.drained().await;
    assert_eq!(numbers(&*broker, "run").await, (0..80).collect::<Vec<_>>());
    relay.stop().await;
}

/// A transaction that got its number early and enqueues late comes behind what it could already see.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_before_is_published_before() {
    let Some(base) = base().await else { return };
    base.run("CREATE TABLE other (n integer)").await;
    let outbox = base.outbox();
    let mut early = base.pool.begin().await.unwrap();
    headwater_postgres::sqlx::query("INSERT INTO other VALUES (1)").execute(&mut *early).await.unwrap();
    base.enqueue(&[event("run", 0)]).await;
    // Holds the watermark between the two: the later row is settled first.
    let mut between = base.pool.begin().await.unwrap();
    headwater_postgres::sqlx::query("INSERT INTO other VALUES (2)").execute(&mut *between).await.unwrap();
    base.enqueue(&[event("run", 1)]).await;
    outbox.enqueue(&mut early, &event("run", 2)).await.unwrap();
    early.commit().await.unwrap();
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    eventually("the first never came", async || numbers(&*broker, "run").await == [0]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(numbers(&*broker, "run").await, [0], "2 was enqueued after 1 and must wait for it");
    between.commit().await.unwrap();
    eventually("order", async || numbers(&*broker, "run").await == [0, 1, 2]).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stays_open_holds_back_what_began_later_and_is_seen() {
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    base.enqueue(&[event("run", 0)]).await;
    base.drained().await;
    // In another database, even: transaction numbers are those of the whole instance.
    let elsewhere = headwater_postgres::connect(&base.server.url()).unwrap();
    let mut long = elsewhere.begin().await.unwrap();
    headwater_postgres::sqlx::query("SELECT pg_current_xact_id()").execute(&mut *long).await.unwrap();
    base.enqueue(&[event("run", 1), event("other", 2)]).await;
    let held = |backlog: Backlog| backlog.held == 2 && backlog.depth == 2 && !backlog.held_for.is_zero();
    eventually("not seen as held back", async || held(base.backlog().await)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(numbers(&*broker, "run").await, [0]);
    long.commit().await.unwrap();
    base.drained().await;
    assert_eq!(numbers(&*broker, "run").await, [0, 1]);
    assert_eq!(base.backlog().await, Backlog::default());
    relay.stop().await;
}

/// Rows of a dump carry transaction numbers of another instance.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_restored_dump_are_published() {
    let Some(base) = base().await else { return };
    base.enqueue(&[event("run", 0), event("run", 1)]).await;
    base.run("UPDATE headwater.outbox SET xid = '9000000000000000000'").await;
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    eventually("never came", async || numbers(&*broker, "run").await == [0, 1]).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_lost_costs_no_event() {
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    base.enqueue(&[event("run", 0)]).await;
    base.drained().await;
    // Written as by somebody who gives no notice, and then with the listener's connection cut.
    base.run(
        "INSERT INTO headwater.outbox (slot, run, tenant, stream, event)
         SELECT 1, 1, tenant, stream, replace(replace(event, 'run-0', 'run-1'), '\"n\":0', '\"n\":1')
         FROM headwater.outbox_published",
    )
    .await;
    eventually("no polling", async || numbers(&*broker, "run").await == [0, 1]).await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    assert!(base.number(cut).await > 0, "nobody listens");
    base.enqueue(&[event("run", 2)]).await;
    eventually("deaf", async || numbers(&*broker, "run").await == [0, 1, 2]).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_several_tenants_go_to_their_own_streams() {
    use headwater_events::{Scope, Tenant};
    let Some(base) = base().await else { return };
    let broker = broker().await;
    let relay = base.relay(broker.clone(), quick());
    let acme: Tenant = "acme".parse().unwrap();
    let theirs = event("run", 7).to_builder().tenant(&acme).build().unwrap();
    base.enqueue(&[event("run", 0), theirs, event("run", 1)]).await;
    base.drained().await;
    assert_eq!(numbers(&*broker, "run").await, [0, 1]);
    use headwater_broker::{EventSubscriber as _, Start};
    let scope = Scope::Stream(acme, "run".parse().unwrap());
    let page = broker.read(&scope, &Default::default(), Start::Earliest, 10).await.unwrap();
    assert_eq!(page.events.len(), 1);
    relay.stop().await;
}
