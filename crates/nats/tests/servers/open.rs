//! Servers and URLs that cannot work, and what is said of them.

use std::{net::SocketAddr, time::Duration};

use crate::kit::events::{ids, read, scope, sized};
use headwater_nats::{NatsOptions, NatsStore};
use headwater_store::{Error, EventLog};
use headwater_test_servers::{Nats, NatsOptions as ServerOptions, aside};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn server(options: ServerOptions) -> Nats {
    aside(|| Nats::start(options)).await.unwrap()
}

fn quick() -> NatsOptions {
    NatsOptions { timeout: Duration::from_secs(3), ..crate::kit::quiet() }
}

async fn refused(url: &str) -> String {
    let error = NatsStore::open(url, quick()).await.expect_err("it cannot work");
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    let text = error.to_string();
    assert!(!text.contains("s3cret"), "no credentials: {text}");
    text
}

/// A server that greets with these words, and answers pings.
async fn fake(info: &str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let greeting = format!("INFO {info}\r\n");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let greeting = greeting.clone();
            tokio::spawn(async move {
                socket.write_all(greeting.as_bytes()).await.unwrap();
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = socket.read(&mut buffer).await {
                    if buffer[..n].windows(4).any(|word| word == b"PING")
                        && socket.write_all(b"PONG\r\n").await.is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let info = r#"{"server_id":"X","server_name":"X","version":"2.9.25","go":"go1","host":"0.0.0.0","port":1,"headers":true,"max_payload":1048576,"proto":1,"jetstream":true,"client_id":1}"#;
    let address = fake(info).await;
    let text = refused(&format!("nats://me:s3cret@{address}")).await;
    assert!(
        text.contains("2.9.25") && text.contains("2.10") && text.contains(&address.to_string()),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused() {
    let nats = server(ServerOptions::default().jetstream(false)).await;
    let text = refused(&nats.url()).await;
    assert!(text.contains("JetStream"), "{text}");
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let nats = server(ServerOptions::default().user("me", "right")).await;
    let address = nats.address();
    for url in [format!("nats://me:s3cret@{address}"), format!("nats://{address}")] {
        let text = refused(&url).await;
        assert!(text.contains("password") && text.contains(&address.to_string()), "{text}");
    }
    let store = NatsStore::open(&nats.url(), quick()).await.unwrap();
    assert!(!store.status().borrow().detail.contains("right"));
    assert!(!format!("{store:?}").contains("right"));
}

#[tokio::test]
async fn tls_where_there_is_none_is_told() {
    let nats = Nats::shared().unwrap();
    let text = refused(&format!("tls://me:s3cret@{}", nats.address())).await;
    assert!(text.to_lowercase().contains("tls"), "{text}");
}

#[tokio::test]
async fn a_user_without_permission_is_told_what_is_missing() {
    let users = r#"authorization { users = [ { user: "me", password: "s3cret", permissions: { publish: ["x.>"], subscribe: ["_INBOX.>"] } } ] }"#;
    let nats = server(ServerOptions::default().config(users)).await;
    let text = refused(&format!("nats://me:s3cret@{}", nats.address())).await;
    assert!(text.contains("permission") && text.contains("$JS.API"), "{text}");
}

#[tokio::test]
async fn a_stream_of_somebody_else_is_left_alone() {
    let nats = server(ServerOptions::default()).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    let config = r#"{"name":"hw-events","subjects":["hw.>"],"storage":"file","num_replicas":1}"#;
    client.request("$JS.API.STREAM.CREATE.hw-events", config.into()).await.unwrap();
    let text = refused(&nats.url()).await;
    assert!(text.contains("hw-events") && text.contains("namespace"), "{text}");
    NatsStore::open(&format!("{}?namespace=other", nats.url()), quick()).await.unwrap();
}

#[tokio::test]
async fn nobody_there_may_be_there_later() {
    let error = NatsStore::open("nats://me:s3cret@127.0.0.1:1", quick()).await.unwrap_err();
    assert!(error.is_retryable() && !error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn one_of_several_servers_is_enough() {
    let nats = Nats::shared().unwrap();
    let url = format!("nats://127.0.0.1:1,{}?namespace=several", nats.address());
    NatsStore::open(&url, quick()).await.unwrap().tail().await.unwrap();
}

#[tokio::test]
async fn the_servers_limit_is_honoured() {
    let nats = server(ServerOptions::default().config("max_payload: 300000")).await;
    let store =
        NatsStore::open(&nats.url(), NatsOptions { max_event_bytes: 1 << 20, ..quick() }).await.unwrap();
    let max = store.capabilities().max_event_bytes;
    assert!((290_000..300_000).contains(&max), "{max}");
    for batch in [vec![sized("a", 0, max)], vec![sized("a", 1, max), sized("a", 2, max)]] {
        store.append(batch).await.unwrap();
    }
    for batch in [vec![sized("a", 3, max + 1)], vec![sized("a", 4, 1000), sized("a", 5, max + 1)]] {
        let error = store.append(batch).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
    let (records, _) = read(&store, &scope("a")).await;
    assert_eq!(ids(&records), ["a/0", "a/1", "a/2"]);
}

#[tokio::test]
async fn an_existing_log_keeps_its_lanes_and_its_epoch() {
    let nats = Nats::shared().unwrap();
    let url = format!("{}?namespace=lanes", nats.url());
    let first = NatsStore::open(&url, NatsOptions { lanes: 4, ..quick() }).await.unwrap();
    let second = NatsStore::open(&url, NatsOptions { lanes: 64, ..quick() }).await.unwrap();
    assert_eq!((second.lanes(), second.epoch()), (4, first.epoch()));
}
