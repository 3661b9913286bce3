//! Tickets: they read what they are for, for as long as they are good.

use headwater_gateway::{KeyFile, Right};
use serde_json::{Value, json};

use super::{Guarded, grant};
use crate::support::{Answer, Request, Sse, events};

async fn ask(guarded: &Guarded, body: Value, token: &str) -> Answer {
    guarded.send(Request::new("POST", "/v1/tickets").body(body.to_string()), token).await
}

async fn ticket(guarded: &Guarded, body: Value, token: &str) -> String {
    ask(guarded, body, token).await.json()["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_in_the_url_reads_its_stream_and_nothing_else() {
    let guarded = Guarded::start().await;
    let (_, key) = guarded.key(grant("acme", &Right::ALL), None).await;
    assert_eq!(guarded.publish(&events("wf-1", 0, 2), &key).await.status, 200);
    let ticket = ticket(&guarded, json!({ "streams": ["wf-1"] }), &key).await;
    let server = &guarded.server;
    let mut sse = server.sse(&format!("/v1/streams/wf-1/events?ticket={ticket}")).await;
    assert_eq!(sse.frames(2).await[1].n(), Some(1));
    // Reconnects are served by the same ticket.
    assert_eq!(server.get(&format!("/v1/streams/wf-1/events?ticket={ticket}")).await.status, 200);
    for (method, path) in [
        ("GET", "/v1/streams/wf-2/events"),
        ("GET", "/v1/events?streams=wf-1,wf-2"),
        ("POST", "/v1/events"),
        ("DELETE", "/v1/streams/wf-1"),
        ("GET", "/v1/groups"),
        ("POST", "/v1/tickets"),
    ] {
        let path = format!("{path}{}ticket={ticket}", if path.contains('?') { "&" } else { "?" });
        Request::new(method, &path).send(server.addr).await.problem(403, "forbidden");
    }
    let elsewhere = Request::new("GET", &format!("/v1/streams/wf-1/events?ticket={ticket}"));
    elsewhere.header("headwater-tenant", "default").send(server.addr).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_ticket_that_is_forged_cut_or_over_is_none() {
    let guarded = Guarded::start().await;
    let (_, key) = guarded.key(grant("acme", &[Right::Subscribe]), None).await;
    let good = ticket(&guarded, json!({}), &key).await;
    let path = |ticket: &str| format!("/v1/streams/wf-1/events?ticket={ticket}");
    assert_eq!(guarded.server.get(&path(&good)).await.status, 200);
    let other = Guarded::start().await;
    let (_, other_key) = other.key(grant("acme", &[Right::Subscribe]), None).await;
    let foreign = ticket(&other, json!({}), &other_key).await;
    let (body, tag) = good.split_once('.').unwrap();
    for bad in [&good[..good.len() - 2], &foreign, body, &format!("{body}x.{tag}"), "hwt_.", ""] {
        guarded.server.get(&path(bad)).await.problem(401, "unauthenticated");
    }
    let short = ticket(&guarded, json!({ "ttl_s": 1 }), &key).await;
    let mut sse: Sse = guarded.server.sse(&path(&short)).await;
    let blocks = sse.rest().await;
    assert!(blocks.iter().any(|block| block.event() == Some("headwater.error")), "it ends while it is open");
    guarded.server.get(&path(&short)).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_ticket_ends_with_the_key_that_asked_for_it() {
    let guarded = Guarded::start().await;
    let (id, key) = guarded.key(grant("acme", &[Right::Subscribe]), None).await;
    let ticket = ticket(&guarded, json!({}), &key).await;
    let path = format!("/v1/streams/wf-1/events?ticket={ticket}");
    let mut sse = guarded.server.sse(&path).await;
    KeyFile::edit(&guarded.file, |file| file.revoke(&id).map(drop)).unwrap();
    let blocks = sse.rest().await;
    assert!(blocks.iter().any(|block| block.event() == Some("headwater.error")));
    guarded.server.get(&path).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_ticket_has_no_right_that_its_key_has_lost() {
    let guarded = Guarded::start().await;
    for (member, value) in [
        ("streams", json!(["other"])),
        ("scopes", json!(["publish"])),
        ("tenants", json!(["other"])),
        ("read_types", json!(["acme"])),
    ] {
        let (id, key) = guarded.key(grant("acme", &[Right::Subscribe]), None).await;
        let ticket = ticket(&guarded, json!({ "streams": ["wf-1"] }), &key).await;
        let path = format!("/v1/streams/wf-1/events?ticket={ticket}");
        let mut sse = guarded.server.sse(&path).await;
        let change = |member: &str, value: &Value| {
            let mut file: Value = serde_json::from_slice(&std::fs::read(&guarded.file).unwrap()).unwrap();
            let keys = file["keys"].as_array_mut().unwrap();
            let key = keys.iter_mut().find(|key| key["id"] == id.as_str()).unwrap();
            key["grant"][member] = value.clone();
            std::fs::write(&guarded.file, file.to_string()).unwrap();
        };
        // More rights end nothing.
        change("scopes", &json!(["subscribe", "publish"]));
        guarded.until(&key, 200, true).await;
        assert_eq!(guarded.server.get(&path).await.status, 200);
        change(member, &value);
        let blocks = sse.rest().await;
        assert!(blocks.iter().any(|block| block.event() == Some("headwater.error")), "{member}");
        guarded.server.get(&path).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_cookie_is_for_the_path_of_its_stream_and_hidden_from_the_page() {
    let guarded = Guarded::start().await;
    let (_, key) = guarded.key(grant("acme", &[Right::Subscribe]), None).await;
    let body = json!({ "streams": ["wf-1"], "cookie": true, "ttl_s": 60 });
    let answer = ask(&guarded, body.clone(), &key).await;
    assert_eq!(answer.json()["ticket"], Value::Null, "a page's code does not see it");
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["Path=/v1/streams/wf-1", "HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let read = Request::new("GET", "/v1/streams/wf-1/events").header("cookie", &format!("a=b; {pair}"));
    assert_eq!(read.send(guarded.server.addr).await.status, 200);
    let elsewhere = Request::new("GET", "/v1/streams/wf-2/events").header("cookie", pair);
    elsewhere.send(guarded.server.addr).await.problem(403, "forbidden");
    // Without TLS a browser on this machine would drop what is marked for TLS only.
    let request = Request::new("POST", "/v1/tickets").body(body.to_string());
    let mut raw = String::from_utf8(request.bytes()).unwrap().replace("host: test", "host: localhost:7420");
    raw = raw.replace("host: localhost", &format!("authorization: Bearer {key}\r\nhost: localhost"));
    let answer = crate::support::raw(guarded.server.addr, raw.as_bytes()).await;
    assert!(!answer.header("set-cookie").contains("Secure"), "{answer:?}");
}

#[tokio::test]
async fn a_ticket_is_never_for_more_than_its_key() {
    let guarded = Guarded::start().await;
    let mut some = grant("acme", &[Right::Subscribe]);
    some.streams = vec!["wf-*".into()];
    let (_, key) = guarded.key(some, None).await;
    for streams in [json!(["other"]), json!(["*"]), json!(["w*"]), json!(["wf-1", "x"])] {
        ask(&guarded, json!({ "streams": streams }), &key).await.problem(403, "forbidden");
    }
    for bad in [json!({ "streams": ["a b"] }), json!({ "ttl_s": 0 }), json!({ "ttl_s": 86_401 })] {
        ask(&guarded, bad, &key).await.problem(400, "bad-ticket");
    }
    let many: Vec<String> = (0..500).map(|n| format!("wf-{n}")).collect();
    ask(&guarded, json!({ "streams": many }), &key).await.problem(400, "bad-ticket");
    ask(&guarded, json!({ "stream": "wf-1" }), &key).await.problem(400, "malformed-json");
    // All that the key may read, where nothing is named.
    let ticket = ticket(&guarded, json!({}), &key).await;
    let read = async |stream: &str| {
        guarded.server.get(&format!("/v1/streams/{stream}/events?ticket={ticket}")).await
    };
    assert_eq!(read("wf-7").await.status, 200);
    read("other").await.problem(403, "forbidden");
}
