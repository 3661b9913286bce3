//! What is refused: bad events with a stable code that names event and attribute, and callers who may not.
#![allow(clippy::unwrap_used)]

mod identity;
mod support;

use std::sync::Arc;

use headwater_broker::{Broker, BrokerConfig, Policy};
use headwater_gateway::GatewayConfig;
use headwater_store::{MemoryOptions, MemoryStore};
use serde_json::{Value, json};
use support::{Request, Server, event, events};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCHED: &str = "application/cloudevents-batch+json";

/// A good event with one member replaced, or removed with `null`.
fn with(member: &str, value: Value) -> Value {
    let mut event = event("wf-1", "acme.thing.v1", 0);
    match value {
        Value::Null => {
            event.as_object_mut().expect("an object").remove(member);
        }
        value => event[member] = value,
    }
    event
}

#[tokio::test]
async fn every_bad_event_is_named_and_its_batch_is_not_stored() {
    let server = Server::start().await;
    let long = "x".repeat(300);
    for (bad, status, code, attribute) in [
        (with("id", Value::Null), 400, "missing-attribute", Some("id")),
        (with("source", Value::Null), 400, "missing-attribute", Some("source")),
        (with("type", Value::Null), 400, "missing-attribute", Some("type")),
        (with("specversion", Value::Null), 400, "missing-attribute", Some("specversion")),
        (with("specversion", json!("0.3")), 400, "unsupported-specversion", Some("specversion")),
        (with("subject", Value::Null), 400, "missing-stream", Some("stream")),
        (with("tenant", json!("no tenant")), 400, "invalid-tenant", Some("tenant")),
        (with("stream", json!("no/stream")), 400, "invalid-stream", Some("stream")),
        (with("subject", json!("no stream")), 400, "invalid-stream", Some("subject")),
        (with("id", json!(long)), 400, "invalid-attribute", Some("id")),
        (with("id", json!("a\rb")), 400, "invalid-attribute", Some("id")),
        (with("type", json!("a\nevent: headwater.end")), 400, "invalid-attribute", Some("type")),
        (with("source", json!("/a\u{0}")), 400, "invalid-attribute", Some("source")),
        (with("subject", json!("wf-1\n\ndata: x")), 400, "invalid-attribute", Some("subject")),
        (with("correlationid", json!("x\r\n")), 400, "invalid-attribute", Some("correlationid")),
        (with("acme", json!("x\n")), 400, "invalid-attribute", Some("acme")),
        (with("time", json!("yesterday")), 400, "invalid-attribute", Some("time")),
        (with("id", json!(7)), 400, "invalid-attribute", Some("id")),
        (json!("text"), 400, "malformed-json", None),
        (json!([]), 400, "malformed-json", None),
        (with("data", json!("x".repeat(300 * 1024))), 413, "event-too-large", None),
    ] {
        let mut batch = events("wf-1", 1, 4);
        batch[2] = bad.clone();
        let answer = server.post(BATCHED, serde_json::to_vec(&batch).unwrap()).await;
        let problem = answer.problem(status, code);
        assert_eq!(problem["index"], 2, "{problem}");
        assert_eq!(problem["attribute"].as_str(), attribute, "{problem}");
        if bad.is_object() {
            let alone =
                server.post(STRUCTURED, serde_json::to_vec(&bad).unwrap()).await.problem(status, code);
            assert_eq!(alone["index"], 0);
        }
    }
    assert_eq!(server.stored("wf-1").await, 0, "of a refused batch nothing is stored");
}

#[tokio::test]
async fn what_is_not_json_is_refused_whole() {
    let server = Server::start().await;
    let good = serde_json::to_string(&event("wf-1", "acme.thing.v1", 0)).unwrap();
    let not_utf8 = [good.replace("acme", "a\u{fe}").as_bytes(), b""].concat();
    let not_utf8: Vec<u8> = not_utf8.into_iter().map(|b| if b == 0xc3 { 0xff } else { b }).collect();
    for body in
        [b"".to_vec(), b"{".to_vec(), b"nonsense".to_vec(), good.as_bytes()[..40].to_vec(), not_utf8.clone()]
    {
        server.post(STRUCTURED, body).await.problem(400, "malformed-json");
    }
    for body in [
        b"".to_vec(),
        b"[".to_vec(),
        b"{}".to_vec(),
        format!("[{good},]").into_bytes(),
        [b"[", &not_utf8[..], b"]"].concat(),
    ] {
        server.post(BATCHED, body).await.problem(400, "malformed-json");
    }
    assert_eq!(server.stored("wf-1").await, 0);
}

#[tokio::test]
async fn limits_of_batch_and_body_are_413() {
    let server =
        Server::with(GatewayConfig { max_body_bytes: 1024 * 1024, ..GatewayConfig::default() }).await;
    let many = serde_json::to_vec(&events("wf-1", 0, 1001)).unwrap();
    let problem = server.post(BATCHED, many).await.problem(413, "batch-too-large");
    assert_eq!((problem["events"].as_u64(), problem["max_events"].as_u64()), (Some(1001), Some(1000)));
    let body = vec![b' '; 3 * 1024 * 1024];
    server.post(BATCHED, body.clone()).await.problem(413, "body-too-large");
    // Without a declared length it is found out on the way.
    let mut chunked = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-type: application/cloudevents+json\r\n\r\n".to_vec();
    chunked.extend(format!("{:x}\r\n", body.len()).into_bytes());
    chunked.extend(body);
    chunked.extend(b"\r\n0\r\n\r\n");
    support::raw(server.addr, &chunked).await.problem(413, "body-too-large");
    assert_eq!(server.stored("wf-1").await, 0);
}

#[tokio::test]
async fn other_content_is_415() {
    let server = Server::start().await;
    let body = serde_json::to_vec(&event("wf-1", "acme.thing.v1", 0)).unwrap();
    for kind in ["application/cloudevents+avro", "application/cloudevents-batch+protobuf"] {
        server.post(kind, body.clone()).await.problem(415, "unsupported-media-type");
    }
    let request = Request::new("POST", "/v1/events").header("content-type", STRUCTURED);
    let squeezed = request.header("content-encoding", "gzip").body(body).send(server.addr).await;
    squeezed.problem(415, "unsupported-media-type");
    assert_eq!(server.stored("wf-1").await, 0);
}

#[tokio::test]
async fn events_in_another_charset_are_415() {
    let server = Server::start().await;
    let body = serde_json::to_vec(&event("wf-1", "acme.thing.v1", 0)).unwrap();
    for kind in [STRUCTURED, "application/json"] {
        let answer = server.post(&format!("{kind}; charset=latin1"), body.clone()).await;
        answer.problem(415, "unsupported-media-type");
    }
    assert_eq!(server.stored("wf-1").await, 0);
    assert_eq!(server.post(&format!("{STRUCTURED}; charset=UTF-8"), body).await.status, 200);
}

#[tokio::test]
async fn another_tenant_inside_an_event_is_403() {
    let server = Server::start().await;
    let send = async |header: &str, tenant: Value| {
        let batch = json!([event("wf-1", "acme.thing.v1", 0), with("tenant", tenant)]);
        let request = Request::new("POST", "/v1/events").header("content-type", BATCHED);
        request
            .header("headwater-tenant", header)
            .body(serde_json::to_vec(&batch).unwrap())
            .send(server.addr)
            .await
    };
    let problem = send("acme", json!("default")).await.problem(403, "foreign-tenant");
    assert_eq!((problem["index"].as_u64(), problem["attribute"].as_str()), (Some(1), Some("tenant")));
    send("default", json!("acme")).await.problem(403, "foreign-tenant");
    assert_eq!(server.stored("wf-1").await, 0);
    assert_eq!(send("acme", json!("acme")).await.status, 200);
}

#[tokio::test]
async fn names_outside_their_alphabet_are_400() {
    let server = Server::start().await;
    for tenant in ["", "a b", "a/b", "$admin", &"x".repeat(65)] {
        for path in ["/v1/events", "/v1/streams", "/v1/streams/wf-1", "/v1/streams/wf-1/events"] {
            let request = Request::new("GET", path).header("headwater-tenant", tenant);
            request.send(server.addr).await.problem(400, "invalid-tenant");
        }
    }
    for stream in ["a%20b", "%2e%2fb", "$dead", "%ff", &"x".repeat(257)] {
        for path in [format!("/v1/streams/{stream}"), format!("/v1/streams/{stream}/events")] {
            server.get(&path).await.problem(400, "invalid-stream");
        }
    }
    server.get("/v1/events?streams=a,b%20c").await.problem(400, "invalid-stream");
    server.get("/v1/events?streams=,").await.problem(400, "bad-query");
}

#[tokio::test]
async fn known_types_are_checked_and_strict_tenants_have_no_others() {
    let server = Server::start().await;
    let mut untold = support::delta("wf-1", 0);
    untold["data"] = json!({ "text": 7 });
    let batch = serde_json::to_vec(&[event("wf-1", "acme.thing.v1", 1), untold]).unwrap();
    let problem = server.post(BATCHED, batch.clone()).await.problem(422, "invalid-data");
    assert_eq!((problem["index"].as_u64(), problem["attribute"].as_str()), (Some(1), Some("data/text")));
    assert_eq!(server.stored("wf-1").await, 0);

    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let strict = BrokerConfig { policy: Policy::Strict, ..BrokerConfig::default() };
    let broker = Arc::new(Broker::open(store, strict).await.unwrap());
    let server = Server::over(broker, GatewayConfig::default()).await;
    let batch = serde_json::to_vec(&[support::started("wf-1"), event("wf-1", "acme.thing.v1", 1)]).unwrap();
    let problem = server.post(BATCHED, batch).await.problem(422, "unknown-type");
    assert_eq!((problem["index"].as_u64(), problem["attribute"].as_str()), (Some(1), Some("type")));
    assert_eq!(server.stored("wf-1").await, 0);
}
