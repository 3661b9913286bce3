//! One effect for each event.

use std::time::Duration;

use headwater_broker::Group;
use headwater_events::Event;
use headwater_postgres::{Claim, Inbox, Schema};

use crate::support::{Base, Tx, base, event};

fn group(name: &str) -> Group {
    Group::of_all(name.parse().unwrap())
}

async fn effects(base: &Base) -> i64 {
    base.number("SELECT count(*) FROM effects").await
}

/// What a handler does: claim, and the effect where it is still to come.
async fn handle(base: &Base, group: &Group, event: &Event) -> (Tx, Claim) {
    let inbox = Inbox::new(Schema::default());
    let mut tx = base.pool.begin().await.unwrap();
    let claim = inbox.claim(&mut tx, group, event).await.unwrap();
    if claim == Claim::New {
        let insert = headwater_postgres::sqlx::query("INSERT INTO effects VALUES ($1)").bind(event.id());
        insert.execute(&mut *tx).await.unwrap();
    }
    (tx, claim)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_holds_from_commit_on_and_not_before() {
    let Some(base) = base().await else { return };
    base.run("CREATE TABLE effects (id text)").await;
    let (one, other) = (group("one"), group("other"));
    let event = event("run", 0);
    let (tx, claim) = handle(&base, &one, &event).await;
    assert_eq!(claim, Claim::New);
    tx.rollback().await.unwrap();
    let (tx, claim) = handle(&base, &one, &event).await;
    assert_eq!(claim, Claim::New, "what was rolled back was not handled");
    tx.commit().await.unwrap();
    let (tx, claim) = handle(&base, &one, &event).await;
    assert_eq!(claim, Claim::Seen);
    tx.commit().await.unwrap();
    assert_eq!(effects(&base).await, 1);
    let (tx, claim) = handle(&base, &other, &event).await;
    assert_eq!(claim, Claim::New, "another group has effects of its own");
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_workers_with_one_event_one_has_the_effect() {
    let Some(base) = base().await else { return };
    base.run("CREATE TABLE effects (id text)").await;
    let base = std::sync::Arc::new(base);
    for n in 0..20 {
        let both = [0, 1].map(|worker| {
            let base = std::sync::Arc::clone(&base);
            tokio::spawn(async move {
                let group = group("one");
                let (tx, claim) = handle(&base, &group, &event("run", n)).await;
                tokio::time::sleep(Duration::from_millis(worker)).await;
                // The first to claim gives up in half of the rounds: the second then has the effect.
                if n % 2 == 0 {
                    tx.commit().await.unwrap();
                } else {
                    tx.rollback().await.unwrap();
                }
                claim
            })
        });
        let mut new = 0;
        for one in both {
            new += usize::from(one.await.unwrap() == Claim::New);
        }
        assert_eq!(new, if n % 2 == 0 { 1 } else { 2 }, "round {n}");
    }
    assert_eq!(effects(&base).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_notes_are_forgotten() {
    let Some(base) = base().await else { return };
    base.run("CREATE TABLE effects (id text)").await;
    let group = group("one");
    for n in 0..3 {
        handle(&base, &group, &event("run", n)).await.0.commit().await.unwrap();
    }
    base.run("UPDATE headwater.inbox SET handled_at = now() - interval '8 days' WHERE handled_at < (SELECT max(handled_at) FROM headwater.inbox)").await;
    let inbox = Inbox::new(Schema::default());
    assert_eq!(inbox.expire(&base.pool, Duration::from_secs(7 * 86_400)).await.unwrap(), 2);
    assert_eq!(handle(&base, &group, &event("run", 2)).await.1, Claim::Seen);
}

/// Names may be longer together than an index takes.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_names_are_claimed_as_others_are() {
    let Some(base) = base().await else { return };
    base.run("CREATE TABLE effects (id text)").await;
    let long: String = (0..4096).map(|n| char::from(b'a' + u8::try_from(n * n % 26).unwrap())).collect();
    let longest =
        Event::builder(long, "test.step.done.v1").id("i".repeat(256)).subject("run").build().unwrap();
    for expected in [Claim::New, Claim::Seen] {
        let (tx, claim) = handle(&base, &group("one"), &longest).await;
        assert_eq!(claim, expected);
        tx.commit().await.unwrap();
    }
}
