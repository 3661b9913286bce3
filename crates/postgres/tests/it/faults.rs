//! PostgreSQL goes away and comes back.

use std::time::Duration;

use headwater_postgres::{Outbox, Relay, Schema, migrate, outbox::RelayState};
use headwater_test_servers::{Error, Postgres, PostgresOptions, Server, aside, need};
use tokio_util::sync::CancellationToken;

use crate::support::{broker, event, eventually, numbers, quick};

/// Something done to a server.
type Step = fn(&Server) -> Result<(), Error>;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_restarted_and_killed_under_a_relay_loses_nothing() {
    let Some(server) = need(aside(|| Postgres::start(&PostgresOptions::default())).await) else { return };
    let pool = headwater_postgres::connect(&server.url()).unwrap();
    migrate(&pool, &Schema::default()).await.unwrap();
    let (broker, outbox) = (broker().await, Outbox::new(Schema::default()));
    let relay = Relay::new(pool.clone(), broker.clone(), quick());
    let (mut status, stop) = (relay.status(), CancellationToken::new());
    let running = tokio::spawn(relay.run(stop.clone()));
    let writer = {
        let (pool, outbox) = (pool.clone(), outbox.clone());
        tokio::spawn(async move {
            // An enqueue whose answer is lost is sent again under the same id: the broker has it once.
            for n in 0..300 {
                let enqueue = async || {
                    let mut tx = pool.begin().await?;
                    outbox.enqueue(&mut tx, &event("run", n)).await?;
                    tx.commit().await?;
                    Ok::<_, headwater_postgres::Error>(())
                };
                while let Err(error) = enqueue().await {
                    assert!(error.is_retryable(), "{error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    eventually("nothing came", async || !numbers(&*broker, "run").await.is_empty()).await;
    for how in [Postgres::crash, |server: &Postgres| server.server().restart(), Postgres::crash] {
        let server = server.clone();
        aside(move || how(&server)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Halted it says nothing at all; stopped it refuses.
    for (hurt, heal) in [(Server::pause as Step, Server::resume as Step), (Server::stop, Server::start)] {
        let process = server.server().clone();
        aside(move || hurt(&process)).await.unwrap();
        status.wait_for(|status| status.state == RelayState::DatabaseAway).await.unwrap();
        let process = server.server().clone();
        aside(move || heal(&process)).await.unwrap();
        status.wait_for(|status| status.state == RelayState::Working).await.unwrap();
    }
    writer.await.unwrap();
    eventually("some are missing", async || numbers(&*broker, "run").await.len() >= 300).await;
    assert_eq!(numbers(&*broker, "run").await, (0..300).collect::<Vec<_>>());
    stop.cancel();
    running.await.unwrap().unwrap();
}
