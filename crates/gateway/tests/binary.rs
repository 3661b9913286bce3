//! Binary mode: attributes in `ce-` headers, the payload as the body.

mod support;

use serde_json::json;
use support::{Answer, Request, Server};

async fn send(server: &Server, attributes: &[(&str, &str)], kind: &str, body: &[u8]) -> Answer {
    let mut request = Request::new("POST", "/v1/events");
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "b-1"),
        ("ce-source", "/agents/test"),
        ("ce-type", "acme.thing.v1"),
        ("ce-subject", "wf-1"),
    ] {
        if !attributes.iter().any(|(other, _)| *other == name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(name, value);
    }
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    request.body(body).send(server.addr).await
}

#[tokio::test]
async fn a_json_payload_becomes_data_and_headers_attributes() {
    let server = Server::start().await;
    let attributes = [("ce-subject", "wf-1/caf%C3%A9"), ("ce-acme", "a%20b")];
    let answer = send(&server, &attributes, "application/json; charset=utf-8", b"{\n  \"n\": 1\n}").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["results"][0]["id"], "b-1");
    let event = &server.get("/v1/streams/wf-1/events").await.json()["events"][0];
    assert_eq!((event["subject"].as_str(), event["acme"].as_str()), (Some("wf-1/café"), Some("a b")));
    assert_eq!(event["data"], json!({ "n": 1 }));
    assert_eq!(server.sse("/v1/streams/wf-1/events").await.frame().await.unwrap().n(), Some(1));
}

#[tokio::test]
async fn other_payloads_keep_their_bytes() {
    let server = Server::start().await;
    let answer = send(&server, &[], "application/octet-stream", b"\x00\xff\r\n\r\ndata: x").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let event = &server.get("/v1/streams/wf-1/events").await.json()["events"][0];
    assert_eq!(event["data_base64"], "AP8NCg0KZGF0YTogeA==");
    assert_eq!(event["datacontenttype"], "application/octet-stream");
}

#[tokio::test]
async fn text_becomes_a_string() {
    let server = Server::start().await;
    let answer = send(&server, &[], "text/plain", "gr\u{fc}n".as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let event = &server.get("/v1/streams/wf-1/events").await.json()["events"][0];
    assert_eq!(
        (event["data"].as_str(), event["datacontenttype"].as_str()),
        (Some("gr\u{fc}n"), Some("text/plain"))
    );
    assert!(event.get("data_base64").is_none());
}

#[tokio::test]
async fn bad_headers_are_named_and_nothing_is_stored() {
    let server = Server::start().await;
    for (attribute, value, code) in [
        ("ce-id", "", "missing-attribute"),
        ("ce-type", "", "missing-attribute"),
        ("ce-specversion", "0.3", "unsupported-specversion"),
        ("ce-subject", "wf-1%0A%0Adata:%20x", "invalid-attribute"),
        ("ce-type", "a%0D%0Aevent:%20headwater.end", "invalid-attribute"),
        ("ce-source", "/a%00", "invalid-attribute"),
        ("ce-source", "%C0%A0", "invalid-attribute"),
        ("ce-time", "yesterday", "invalid-attribute"),
        ("ce-stream", "a%20b", "invalid-stream"),
    ] {
        let problem =
            send(&server, &[(attribute, value)], "application/json", b"{}").await.problem(400, code);
        assert_eq!(problem["attribute"].as_str(), attribute.strip_prefix("ce-"), "{problem}");
        assert_eq!(problem["index"], 0);
    }
    send(&server, &[("ce-tenant", "acme")], "application/json", b"{}").await.problem(403, "foreign-tenant");
    assert_eq!(server.stored("wf-1").await, 0);
}
