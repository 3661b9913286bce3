//! What a socket says and hears, sentence by sentence.

mod ending;
mod socket;

use headwater_gateway::GatewayConfig;
use serde_json::{Value, json};

use crate::support::{Server, completed, event, events, started};
use socket::Socket;

#[tokio::test]
async fn history_then_caught_up_then_live_as_on_a_stream_of_events() {
    let server = Server::start().await;
    let cursors = server.publish(&events("wf-1", 0, 3)).await;
    let mut socket = Socket::open(&server, "/v1/ws").await;
    socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1" })).await;
    let subscribed = socket.hear().await;
    assert_eq!((&subscribed["type"], &subscribed["id"]), (&json!("subscribed"), &json!("a")));
    for (n, cursor) in cursors.iter().enumerate() {
        let message = socket.hear().await;
        assert_eq!(message["type"], "event");
        assert_eq!(message["event"]["data"]["n"], n);
        assert_eq!(message["cursor"], cursor.as_str(), "the cursor of its publish");
    }
    assert_eq!(socket.hear().await["type"], "caught-up");
    let cursors = server.publish(&events("wf-1", 3, 4)).await;
    let live = socket.hear().await;
    assert_eq!((&live["event"]["specversion"], &live["cursor"]), (&json!("1.0"), &json!(cursors[0])));
}

#[tokio::test]
async fn many_subscriptions_share_a_socket_and_each_has_its_filter_and_place() {
    let server = Server::start().await;
    server.publish(&events("wf-1", 0, 4)).await;
    server.publish(&[event("wf-2", "acme.thing.v1", 0), event("wf-2", "other.thing.v1", 1)]).await;
    let after = server.publish(&events("wf-3", 0, 2)).await;
    let mut socket = Socket::open(&server, "/v1/ws").await;
    // All of them in one message, as a page does that comes back.
    socket
        .say(json!({ "type": "subscribe", "subscriptions": [
            { "id": "a", "stream": "wf-1", "overflow": "conflate" },
            { "id": "b", "stream": "wf-2", "types": "other" },
            { "id": "c", "stream": "wf-3", "after": after[0] },
            { "id": "d", "streams": ["wf-1", "wf-2"], "after": "live" },
            { "id": "e" },
        ] }))
        .await;
    let mut said = socket.until_caught_up(5).await;
    let mut of = |id: &str| -> Vec<Value> {
        let (own, rest) = std::mem::take(&mut said).into_iter().partition(|m: &Value| m["id"] == id);
        said = rest;
        own
    };
    let ns = |messages: &[Value]| -> Vec<u64> {
        messages.iter().filter_map(|message| message["event"]["data"]["n"].as_u64()).collect()
    };
    assert_eq!(ns(&of("a")), [0, 1, 2, 3]);
    assert_eq!(ns(&of("b")), [1]);
    assert_eq!(ns(&of("c")), [1]);
    assert_eq!((ns(&of("d")), ns(&of("e"))), (vec![], vec![]));
    server.publish(&[event("wf-2", "acme.thing.v1", 9)]).await;
    let mut ids = [socket.hear().await["id"].clone(), socket.hear().await["id"].clone()];
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["d", "e"]);
}

/// Joined at every place of a run: nothing is missing, nothing comes twice.
#[tokio::test]
async fn a_socket_resumes_behind_every_event() {
    let server = Server::start().await;
    let cursors = server.publish(&events("wf-1", 0, 100)).await;
    let mut socket = Socket::open(&server, "/v1/ws").await;
    for (n, cursor) in cursors.iter().enumerate() {
        socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1", "after": cursor })).await;
        let said = socket.until_caught_up(1).await;
        let got: Vec<u64> =
            said.iter().filter_map(|message| message["event"]["data"]["n"].as_u64()).collect();
        assert_eq!(got, (n as u64 + 1..100).collect::<Vec<_>>(), "behind {n}");
        socket.say(json!({ "type": "unsubscribe", "id": "a" })).await;
        let end = socket.hear().await;
        assert_eq!((&end["type"], &end["cursor"]), (&json!("unsubscribed"), &json!(cursors[99])));
    }
}

#[tokio::test]
async fn a_run_that_ends_ends_its_subscription_and_not_the_socket() {
    let server = Server::start().await;
    server.publish(&[started("wf-1"), completed("wf-1")]).await;
    let mut socket = Socket::open(&server, "/v1/ws").await;
    socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1" })).await;
    while socket.hear().await["type"] != "end" {}
    // Its name is free again.
    socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-2" })).await;
    assert_eq!(socket.hear().await["type"], "subscribed");
}

#[tokio::test]
async fn what_is_wrong_with_one_subscription_does_not_end_the_others() {
    let config = GatewayConfig { max_subscriptions: 2, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let other = server.publish(&events("wf-2", 0, 1)).await;
    let mut socket = Socket::open(&server, "/v1/ws").await;
    for (wanted, code) in [
        (json!({ "id": "x", "stream": "a b" }), "invalid-stream"),
        (json!({ "id": "x", "stream": "wf-1", "after": other[0] }), "foreign-cursor"),
        (json!({ "id": "x", "stream": "wf-1", "after": "nonsense" }), "bad-cursor"),
        (json!({ "id": "x", "types": "a..b" }), "bad-filter"),
    ] {
        socket.say(json!({ "type": "subscribe", "subscriptions": [wanted] })).await;
        let error = socket.hear().await;
        assert_eq!(
            (&error["type"], &error["id"], &error["problem"]["code"]),
            (&json!("error"), &json!("x"), &json!(code))
        );
    }
    socket
        .say(json!({ "type": "subscribe", "subscriptions": [
        { "id": "a", "stream": "wf-1" }, { "id": "a", "stream": "wf-1" },
        { "id": "b", "stream": "wf-1" }, { "id": "c", "stream": "wf-1" } ] }))
        .await;
    let mut codes = Vec::new();
    let mut caught_up = 0;
    while caught_up < 2 || codes.len() < 2 {
        let message = socket.hear().await;
        match message["type"].as_str() {
            Some("error") => codes.push(message["problem"]["code"].as_str().unwrap().to_owned()),
            Some("caught-up") => caught_up += 1,
            _ => {}
        }
    }
    assert_eq!(codes, ["bad-message", "too-many-subscriptions"]);
    server.publish(&events("wf-1", 0, 1)).await;
    assert_eq!(
        (socket.hear().await["type"].clone(), socket.hear().await["type"].clone()),
        (json!("event"), json!("event"))
    );
}

#[tokio::test]
async fn pings_are_answered_and_quiet_subscriptions_have_heartbeats_with_a_cursor() {
    let server = Server::with(GatewayConfig { heartbeat_ms: 40, ..GatewayConfig::default() }).await;
    let mut socket = Socket::open(&server, "/v1/ws").await;
    assert_eq!(socket.hear().await, json!({ "type": "heartbeat" }), "before there is a subscription");
    socket.say(json!({ "type": "ping", "n": 7 })).await;
    while socket.hear().await != json!({ "type": "pong", "n": 7 }) {}
    socket.say(json!({ "type": "subscribe", "id": "a", "stream": "wf-1", "types": "never" })).await;
    while socket.hear().await["type"] != "caught-up" {}
    let cursors = server.publish(&events("wf-1", 0, 3)).await;
    loop {
        let beat = socket.hear().await;
        assert_eq!((&beat["type"], &beat["id"]), (&json!("heartbeat"), &json!("a")));
        if beat["cursor"] == cursors[2].as_str() {
            break;
        }
    }
}

#[tokio::test]
async fn many_subscriptions_with_history_take_turns_and_all_catch_up() {
    let server = Server::start().await;
    for n in 0..40 {
        server.publish(&events(&format!("wf-{n}"), 0, 20)).await;
    }
    let mut socket = Socket::open(&server, "/v1/ws").await;
    let wanted: Vec<Value> =
        (0..40).map(|n| json!({ "id": format!("s{n}"), "stream": format!("wf-{n}") })).collect();
    socket.say(json!({ "type": "subscribe", "subscriptions": wanted })).await;
    let said = socket.until_caught_up(40).await;
    // Of no more than eight is history under way at once.
    let (mut begun, mut most) = (std::collections::BTreeSet::new(), 0);
    let mut events = 0;
    for message in &said {
        let id = message["id"].as_str().unwrap();
        match message["type"].as_str() {
            Some("event") => {
                begun.insert(id);
                events += 1;
            }
            Some("caught-up") => drop(begun.remove(id)),
            _ => {}
        }
        most = most.max(begun.len());
    }
    assert_eq!(events, 800);
    assert!((1..=8).contains(&most), "{most} at once");
    // And all of them are live.
    server.publish(&[event("wf-39", "acme.thing.v1", 99), event("wf-0", "acme.thing.v1", 99)]).await;
    let mut ids = [socket.hear().await["id"].clone(), socket.hear().await["id"].clone()];
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["s0", "s39"]);
}
