//! How sockets end, and how they do not begin.

use headwater_gateway::{GatewayConfig, Right};
use serde_json::json;

use super::socket::Socket;
use crate::support::{Request, Server, event, events, until};

#[tokio::test]
async fn what_is_no_message_closes_with_a_code_that_says_so() {
    let server = Server::start().await;
    for text in ["nonsense", "{}", r#"{"type":"shout"}"#, &"x".repeat(100 * 1024)] {
        let mut socket = Socket::open(&server, "/v1/ws").await;
        socket.write(text).await;
        assert_eq!(socket.hear().await["problem"]["code"], "bad-message");
        assert_eq!(socket.closed().await, Some(4400));
    }
    let mut socket = Socket::open(&server, "/v1/ws").await;
    socket.write_binary(b"{}").await;
    assert_eq!(socket.hear().await["problem"]["code"], "bad-message");
    assert_eq!(socket.closed().await, Some(4400));
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_so_does_one_that_rotates() {
    let mut server = Server::start().await;
    let mut socket = Socket::open(&server, "/v1/ws").await;
    socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1" })).await;
    socket.until_caught_up(1).await;
    server.stop();
    assert_eq!(socket.closed().await, Some(1001));
    server.stopped().await;
    let config = GatewayConfig { reader_lifetime_ms: 100, heartbeat_ms: 50, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    assert_eq!(Socket::open(&server, "/v1/ws").await.closed().await, Some(1001));
}

#[tokio::test]
async fn a_socket_that_is_gone_frees_its_seat_and_a_full_server_says_so() {
    let config = GatewayConfig { max_readers: 1, heartbeat_ms: 30, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let first = Socket::open(&server, "/v1/ws").await;
    let refused = Socket::ask(&server, "/v1/ws", &[]).await.unwrap_err();
    refused.problem(503, "too-many-readers");
    drop(first);
    until(async || Socket::ask(&server, "/v1/ws", &[]).await.is_ok()).await;
}

/// It answers no ping: its cable was pulled.
#[tokio::test]
async fn a_half_open_socket_is_given_up() {
    let config = GatewayConfig { max_readers: 1, heartbeat_ms: 30, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let silent = Socket::open(&server, "/v1/ws").await;
    // Nobody reads from it, so nothing is answered.
    until(async || Socket::ask(&server, "/v1/ws", &[]).await.is_ok()).await;
    drop(silent);
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_closed_and_others_go_on() {
    let config = GatewayConfig { write_stall_timeout_ms: 200, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let mut slow = Socket::open(&server, "/v1/ws").await;
    let mut quick = Socket::open(&server, "/v1/ws").await;
    for socket in [&mut slow, &mut quick] {
        socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1" })).await;
        socket.until_caught_up(1).await;
    }
    let filling = "x".repeat(100 * 1024);
    for n in 0..300 {
        let mut event = event("wf-1", "acme.big.v1", n);
        event["data"]["filling"] = filling.as_str().into();
        server.publish(&[event]).await;
        assert_eq!(quick.hear().await["event"]["data"]["n"], n);
    }
    // The slow one gets what was under way, then the end.
    let mut got = 0;
    while slow.read().await.is_some() {
        got += 1;
    }
    assert!(got < 300, "it got {got}");
}

#[tokio::test]
async fn what_asks_for_no_socket_is_refused() {
    let server = Server::start().await;
    let answer = server.get("/v1/ws").await;
    answer.problem(426, "upgrade-required");
    assert_eq!((answer.header("upgrade"), answer.header("sec-websocket-version")), ("websocket", "13"));
    for (name, value) in [("sec-websocket-version", "8"), ("sec-websocket-key", "short")] {
        Socket::ask(&server, "/v1/ws", &[(name, value)]).await.unwrap_err().problem(426, "upgrade-required");
    }
}

/// Browsers let any page open a socket to this machine.
#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket() {
    let config = GatewayConfig { insecure: true, ..GatewayConfig::default() };
    let (server, behind) = (Server::start().await, Server::with(config).await);
    for bad in ["https://evil.example", "null", "http://test.evil.example"] {
        let refused = Socket::ask(&server, "/v1/ws", &[("origin", bad)]).await.unwrap_err();
        refused.problem(403, "forbidden");
    }
    assert!(Socket::ask(&server, "/v1/ws", &[("origin", "http://localhost:3000")]).await.is_ok());
    // Its own name, which a page can give to any machine that asks nobody.
    Socket::ask(&server, "/v1/ws", &[("origin", "http://test")]).await.unwrap_err().problem(403, "forbidden");
    assert!(Socket::ask(&behind, "/v1/ws", &[("origin", "https://test")]).await.is_ok());
}

/// A socket, the key file of its server, the id of its key, and the key.
async fn guarded(streams: &[&str], config: GatewayConfig) -> (Server, tempfile::TempDir, String, String) {
    use headwater_gateway::{AuthConfig, Grant, KeyFile};
    use headwater_store::{Clock as _, SystemClock};
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.json");
    let grant = Grant {
        tenants: vec!["acme".into()],
        scopes: vec![Right::Subscribe, Right::Publish],
        streams: streams.iter().map(|&stream| stream.to_owned()).collect(),
        ..Grant::default()
    };
    let (id, key) = KeyFile::edit(&file, |file| file.create("test", grant, SystemClock.now(), None)).unwrap();
    let auth = AuthConfig { keys: Some(file), look_ms: 20, ..AuthConfig::default() };
    (Server::guarded(config, auth).await, dir, id, format!("Bearer {key}"))
}

/// If they came later, whoever counts would know that something is there.
#[tokio::test]
async fn heartbeats_come_whatever_is_hidden() {
    use headwater_events::Event;
    let config = GatewayConfig { heartbeat_ms: 300, ..GatewayConfig::default() };
    let (server, _dir, _, bearer) = guarded(&["mine-*"], config).await;
    let mut socket = Socket::ask(&server, "/v1/ws", &[("authorization", &bearer)]).await.unwrap();
    socket.say(json!({ "type": "subscribe", "id": "a", "types": "acme" })).await;
    socket.until_caught_up(1).await;
    let broker = server.broker.clone();
    // Much oftener than a heartbeat, all the time.
    let hidden = tokio::spawn(async move {
        for n in 0.. {
            let mut event = event("other", "acme.thing.v1", n);
            event["tenant"] = "acme".into();
            broker.publish(&[Event::from_json(event.to_string()).unwrap()]).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    for _ in 0..3 {
        let heard = socket.hear().await;
        assert_eq!((&heard["type"], &heard["id"]), (&json!("heartbeat"), &json!("a")));
    }
    hidden.abort();
}

/// It takes what is written so slowly that one batch would last for ever.
#[tokio::test]
async fn a_write_outlasts_neither_the_credential_nor_the_socket() {
    use headwater_gateway::KeyFile;
    use headwater_store::{Clock as _, SystemClock};
    for revoke in [true, false] {
        let reader_lifetime_ms = if revoke { 0 } else { 300 };
        let config = GatewayConfig { max_readers: 1, reader_lifetime_ms, ..GatewayConfig::default() };
        let (server, dir, id, bearer) = guarded(&[], config).await;
        let filling = "x".repeat(200 * 1024);
        for n in 0..100 {
            let mut event = event("wf-1", "acme.big.v1", n);
            event["data"]["filling"] = filling.as_str().into();
            let publish = Request::new("POST", "/v1/events").header("authorization", &bearer);
            let publish = publish.header("content-type", "application/cloudevents+json");
            assert_eq!(publish.body(event.to_string()).send(server.addr).await.status, 200);
        }
        let mut silent = Socket::ask(&server, "/v1/ws", &[("authorization", &bearer)]).await.unwrap();
        silent.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1" })).await;
        assert_eq!(silent.hear().await["type"], "subscribed");
        let file = dir.path().join("keys.json");
        let other = KeyFile::edit(&file, |file| {
            let grant = file.keys()[0].grant.clone();
            if revoke {
                file.revoke(&id)?;
            }
            Ok(file.create("other", grant, SystemClock.now(), None)?.1)
        });
        // The seat is free long before the 30 s that a peer may take nothing.
        let other = format!("Bearer {}", other.unwrap());
        until(async || Socket::ask(&server, "/v1/ws", &[("authorization", &other)]).await.is_ok()).await;
        drop(silent);
    }
}

#[tokio::test]
async fn a_socket_is_for_whom_the_server_knows_and_ends_with_the_credential() {
    use headwater_gateway::{AuthConfig, Grant, KeyFile};
    use headwater_store::{Clock as _, SystemClock};
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.json");
    let grant = Grant {
        tenants: vec!["acme".into()],
        scopes: vec![Right::Subscribe, Right::Publish],
        streams: vec!["wf-*".into()],
        ..Grant::default()
    };
    let (id, key) = KeyFile::edit(&file, |file| file.create("test", grant, SystemClock.now(), None)).unwrap();
    let auth = AuthConfig { keys: Some(file.clone()), look_ms: 20, ..AuthConfig::default() };
    let server = Server::guarded(GatewayConfig::default(), auth).await;
    Socket::ask(&server, "/v1/ws", &[]).await.unwrap_err().problem(401, "unauthenticated");
    let bearer = format!("Bearer {key}");
    let publish = Request::new("POST", "/v1/events").header("authorization", &bearer);
    let publish = publish.header("content-type", "application/cloudevents-batch+json");
    let body = serde_json::to_vec(&events("wf-1", 0, 1)).unwrap();
    assert_eq!(publish.body(body).send(server.addr).await.status, 200);
    let ask = Request::new("POST", "/v1/tickets").header("authorization", &bearer);
    let ticket = ask.send(server.addr).await.json()["ticket"].as_str().unwrap().to_owned();
    let mut socket = Socket::open(&server, &format!("/v1/ws?ticket={ticket}")).await;
    socket.say(json!({ "type": "subscribe", "id": "x", "stream": "other" })).await;
    assert_eq!(socket.hear().await["problem"]["code"], "forbidden");
    socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1" })).await;
    let said = socket.until_caught_up(1).await;
    assert!(said.iter().any(|message| message["event"]["tenant"] == "acme"));
    KeyFile::edit(&file, |file| file.revoke(&id).map(drop)).unwrap();
    assert_eq!(socket.hear().await["problem"]["code"], "unauthenticated");
    assert_eq!(socket.closed().await, Some(4401));
}
