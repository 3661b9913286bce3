//! A server that stands still: every append is answered all the same.

use std::time::Duration;

use headwater_kafka::{KafkaOptions, KafkaStore};
use headwater_store::{Append, ClassesKey, Error, Event, EventLog, Position, ReadScope, StreamName, Tenant};
use headwater_test_servers::aside;

use crate::kit::Own;

/// How long an answer may take at the very most.
const SOON: Duration = Duration::from_secs(60);
/// Longer than the session of a test server, which is three seconds.
const SESSION: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
const MORE_ROUNDS: usize = 40;

fn name() -> StreamName {
    "a".parse().expect("a name")
}

fn event(n: usize) -> Append {
    let event = Event::builder("/test", "test.event.v1").id(n.to_string()).tenant(&Tenant::default());
    let event = event.stream(&name()).build().expect("an event");
    Append::new(event).expect("an event")
}

/// The store saves what it knows of runs now and then; while that waits for the server, appends are given up in time.
#[tokio::test(flavor = "multi_thread")]
async fn appends_are_given_up_while_the_store_waits_for_its_own() {
    let own = aside(Own::start).await;
    let mut options = KafkaOptions::from_url(&own.url()).expect("a URL");
    (options.lanes, options.append_timeout) = (1, Duration::from_secs(2));
    let store = KafkaStore::open(options).await.expect("the store opens");
    // So many that they are about to be saved.
    store.append((0..1500).map(event).collect()).await.expect("an append");
    let server = own.server();
    aside(move || server.pause()).await.expect("it stands still");
    for n in 1500..1503 {
        let answer = tokio::time::timeout(SOON, store.append(vec![event(n)])).await;
        let answer = answer.expect("an append is answered");
        assert!(matches!(answer, Err(Error::Unknown { .. } | Error::Unavailable { .. })), "{answer:?}");
    }
    let server = own.server();
    aside(move || server.resume()).await.expect("it goes on");
    until_stored(&store, 1503).await;
    store.close().await.expect("the store closes");
}

/// A server that stands still for longer than its session names no server at all at first when it goes on. Everyone finds
/// it again: who writes, who follows, who asks and who reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_its_session_is_found_again() {
    let own = aside(Own::start).await;
    let mut options = KafkaOptions::from_url(&own.url()).expect("a URL");
    (options.lanes, options.ring_bytes) = (2, 0);
    let store = KafkaStore::open(options).await.expect("the store opens");
    let rounds = if std::env::var_os("HEADWATER_SOAK").is_some() { MORE_ROUNDS } else { ROUNDS };
    for round in 0..rounds {
        for n in 0..10 {
            until_stored(&store, round * 20 + n).await;
        }
        let server = own.server();
        aside(move || server.pause()).await.expect("it stands still");
        tokio::time::sleep(SESSION).await;
        let server = own.server();
        aside(move || server.resume()).await.expect("it goes on");
        for n in 10..20 {
            until_stored(&store, round * 20 + n).await;
        }
        let scope = ReadScope::Stream(Tenant::default(), name(), ClassesKey::All);
        let read = async {
            loop {
                match store.read(&scope, Position::ZERO, 1000, 1 << 20).await {
                    Ok(page) => return page,
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            }
        };
        let page = tokio::time::timeout(SOON, read).await.expect("a page");
        let mut numbers: Vec<usize> = page.records.iter().map(|r| r.event().id().parse().unwrap()).collect();
        // What was sent again is there again.
        numbers.dedup();
        assert_eq!(numbers, (0..(round + 1) * 20).collect::<Vec<_>>());
    }
    store.close().await.expect("the store closes");
}

async fn until_stored(store: &KafkaStore, n: usize) {
    let stored = async {
        while let Err(error) = store.append(vec![event(n)]).await {
            assert!(error.is_retryable(), "{error}");
        }
    };
    tokio::time::timeout(SOON, stored).await.expect("an append is stored");
}
