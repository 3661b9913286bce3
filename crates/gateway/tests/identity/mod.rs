//! Who may do what, seen from outside: with the right credential it works, with any other the answer tells nothing.

mod routes;
mod tickets;
mod tokens;

use std::{path::PathBuf, time::Duration};

use headwater_gateway::{AuthConfig, GatewayConfig, Grant, KeyFile, Right};
use headwater_store::{Clock as _, SystemClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Answer, Request, Server, event, events, until};

/// A server, and the file of its keys.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    file: PathBuf,
    _dir: TempDir,
}

/// A grant in one tenant.
pub(crate) fn grant(tenant: &str, scopes: &[Right]) -> Grant {
    Grant { tenants: vec![tenant.to_owned()], scopes: scopes.to_vec(), ..Grant::default() }
}

impl Guarded {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys.json");
        KeyFile::edit(&file, |_| Ok(())).unwrap();
        let config = GatewayConfig { heartbeat_ms: 50, ..GatewayConfig::default() };
        let auth = AuthConfig { keys: Some(file.clone()), look_ms: 20, ..AuthConfig::default() };
        Self { server: Server::guarded(config, auth).await, file, _dir: dir }
    }

    /// A new key, once the server knows it: its id and how it is shown.
    pub(crate) async fn key(&self, grant: Grant, expires: Option<Timestamp>) -> (String, String) {
        let now = SystemClock.now();
        let made = KeyFile::edit(&self.file, |file| file.create("test", grant, now, expires)).unwrap();
        self.until(&made.1, 401, false).await;
        made
    }

    /// Waits until a key is answered with this status, or with another.
    async fn until(&self, token: &str, status: u16, is: bool) {
        until(async || (self.get("/v1/streams", token).await.status == status) == is).await;
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Request::new("GET", path), token).await
    }

    pub(crate) async fn send(&self, request: Request, token: &str) -> Answer {
        request.header("authorization", &format!("Bearer {token}")).send(self.server.addr).await
    }

    pub(crate) async fn publish(&self, events: &[Value], token: &str) -> Answer {
        let request =
            Request::new("POST", "/v1/events").header("content-type", "application/cloudevents-batch+json");
        self.send(request.body(serde_json::to_vec(events).unwrap()), token).await
    }
}

#[tokio::test]
async fn without_a_valid_credential_nothing_is_told() {
    let guarded = Guarded::start().await;
    let (id, good) = guarded.key(grant("default", &Right::ALL), None).await;
    let answer = guarded.server.get("/v1/streams").await;
    answer.problem(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"headwater\"");
    let secret = good.rsplit_once('_').unwrap().1;
    let mut told = None;
    for bad in [
        "",
        "nonsense",
        "hw_",
        &format!("hw_{id}_"),
        &format!("hw_{id}_{}", "A".repeat(secret.len())),
        &format!("hw_000000000000_{secret}"),
        &good[..good.len() - 1],
        "eyJhbGciOiJub25lIn0.eyJ0ZW5hbnQiOiJkZWZhdWx0Iiwic2NvcGUiOiJhZG1pbiIsImV4cCI6OTk5OTk5OTk5OX0.",
        "hwt_e30.AAAA",
    ] {
        let detail = guarded.get("/v1/streams", bad).await.problem(401, "unauthenticated")["detail"].clone();
        assert_eq!(*told.get_or_insert(detail.clone()), detail, "{bad}: which it is, is not told");
    }
    assert_eq!(guarded.get("/v1/streams", &good).await.status, 200);
    // A key in a URL means nothing.
    for parameter in ["token", "access_token", "ticket"] {
        let answer = guarded.server.get(&format!("/v1/streams?{parameter}={good}")).await;
        answer.problem(401, "unauthenticated");
    }
    assert_eq!(guarded.server.get("/healthz").await.status, 200);
    assert_eq!(guarded.server.get("/readyz").await.json()["detail"], "", "addresses are nobody's business");
    guarded.server.get("/metrics").await.problem(401, "unauthenticated");
}

/// What it counts is of all tenants together.
#[tokio::test]
async fn metrics_are_for_administrators_of_all_tenants() {
    let guarded = Guarded::start().await;
    let (_, one) = guarded.key(grant("default", &Right::ALL), None).await;
    let (_, several) = guarded.key(grant("default*", &Right::ALL), None).await;
    let (_, reader) = guarded.key(grant("*", &[Right::Subscribe]), None).await;
    let mut some = grant("*", &[Right::Admin, Right::Subscribe]);
    some.read_types = vec!["acme".into()];
    let (_, some) = guarded.key(some, None).await;
    for key in [one, several, reader, some] {
        guarded.get("/metrics", &key).await.problem(403, "forbidden");
    }
    let (_, all) = guarded.key(grant("*", &[Right::Admin]), None).await;
    assert_eq!(guarded.get("/metrics", &all).await.status, 200);
}

/// The place and the end of a page must not tell whether a filter found something that the caller may not see.
#[tokio::test]
async fn a_filter_finds_nothing_among_what_is_hidden() {
    let guarded = Guarded::start().await;
    let (_, all) = guarded.key(grant("default", &Right::ALL), None).await;
    let mut some = grant("default", &[Right::Subscribe]);
    some.streams = vec!["mine-*".into()];
    some.read_types = vec!["acme".into()];
    let (_, some) = guarded.key(some, None).await;
    let hidden = |stream: &str, n| event(stream, "secret.thing.v1", n);
    for batch in [
        (0..4).map(|n| hidden("mine-1", n)).collect(),
        events("other", 0, 4),
        events("mine-1", 4, 7),
        vec![event("mine-1", "acme.rare.v1", 7), hidden("mine-1", 8), hidden("other", 9)],
    ] {
        assert_eq!(guarded.publish(&batch, &all).await.status, 200);
    }
    for path in ["/v1/events", "/v1/streams/mine-1/events"] {
        for limit in [1, 2, 100] {
            let page = async |filter: &str| {
                guarded.get(&format!("{path}?limit={limit}&{filter}"), &some).await.json()
            };
            // One finds hidden events, one finds nothing anywhere.
            let (there, not) = (page("types=secret.thing").await, page("types=secret.think").await);
            assert_eq!(there, not, "{path}, {limit}");
            let (there, not) = (page("source=/agents/test&types=secret").await, page("subject=none").await);
            assert_eq!(there, not, "{path}, {limit}");
        }
        // All that is seen comes in pages of any size.
        let (mut after, mut seen) = (String::from("earliest"), Vec::new());
        loop {
            let page = guarded.get(&format!("{path}?limit=2&types=acme&after={after}"), &some).await.json();
            let events = page["events"].as_array().unwrap();
            assert!(events.len() <= 2);
            assert_eq!(page["cursors"].as_array().unwrap().len(), events.len());
            seen.extend(events.iter().map(|event| event["data"]["n"].as_u64().unwrap()));
            after = page["next"].as_str().unwrap().to_owned();
            if page["more"] == false {
                break;
            }
        }
        assert_eq!(seen, [4, 5, 6, 7], "{path}");
    }
}

#[tokio::test]
async fn an_open_stream_ends_with_the_grace_of_a_secret_that_was_replaced() {
    let guarded = Guarded::start().await;
    let (id, old) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    let bearer = format!("Bearer {old}");
    let mut sse =
        guarded.server.sse_with("/v1/streams/wf-1/events", &[("authorization", bearer.as_str())]).await;
    let now = SystemClock.now();
    let grace = SignedDuration::from_millis(500);
    let new = KeyFile::edit(&guarded.file, |file| file.rotate(&id, now, grace)).unwrap();
    let blocks = sse.rest().await;
    let error = blocks.iter().find(|block| block.event() == Some("headwater.error")).expect("an error");
    assert_eq!(error.json()["code"], "unauthenticated");
    assert_eq!(guarded.get("/v1/streams", &new).await.status, 200);
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    let guarded = Guarded::start().await;
    let (_, publisher) = guarded.key(grant("default", &[Right::Publish]), None).await;
    let (_, reader) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    assert_eq!(guarded.publish(&events("wf-1", 0, 2), &publisher).await.status, 200);
    guarded.publish(&events("wf-1", 2, 3), &reader).await.problem(403, "forbidden");
    let page = "/v1/streams/wf-1/events";
    guarded.get(page, &publisher).await.problem(403, "forbidden");
    assert_eq!(guarded.get(page, &reader).await.json()["events"].as_array().unwrap().len(), 2);
    for (method, path) in [
        ("DELETE", "/v1/streams/wf-1"),
        ("PUT", "/v1/groups/g"),
        ("GET", "/v1/groups"),
        ("POST", "/v1/groups/g/fetch"),
        ("GET", "/v1/groups?all_tenants=true"),
        ("GET", "/metrics"),
    ] {
        guarded.send(Request::new(method, path), &reader).await.problem(403, "forbidden");
    }
}

/// Who may approve a run cannot forge its completion.
#[tokio::test]
async fn a_key_publishes_only_its_types_and_streams() {
    let guarded = Guarded::start().await;
    let mut approver = grant("default", &[Right::Publish]);
    approver.publish_types = vec!["interrupt.resolved".into()];
    approver.streams = vec!["wf-*".into()];
    let (_, approver) = guarded.key(approver, None).await;
    let approval = event("wf-1", "interrupt.resolved.v1", 0);
    let mut fine = approval.clone();
    fine["data"] = serde_json::json!({ "interrupt": "i-1", "interrupt_id": "i-1", "outcome": "approved" });
    let answer = guarded.publish(&[fine], &approver).await;
    assert_ne!(answer.status, 403, "{}", answer.text());
    for (forged, attribute) in [
        (event("wf-1", "workflow.completed.v1", 1), "type"),
        (event("wf-1", "WORKFLOW_COMPLETED", 1), "type"),
        (event("wf-1", "Interrupt.ResolvedX", 1), "type"),
        (event("other", "interrupt.resolved.v1", 1), "stream"),
    ] {
        let problem = guarded.publish(&[approval.clone(), forged], &approver).await.problem(403, "forbidden");
        assert_eq!((problem["index"].as_u64(), problem["attribute"].as_str()), (Some(1), Some(attribute)));
    }
}

#[tokio::test]
async fn a_key_for_some_streams_and_types_sees_nothing_of_others() {
    let guarded = Guarded::start().await;
    let (_, all) = guarded.key(grant("default", &Right::ALL), None).await;
    let mut mine = events("mine-1", 0, 2);
    mine.push(event("mine-1", "secret.thing.v1", 7));
    for batch in [events("other", 0, 3), mine, events("zz", 0, 1)] {
        assert_eq!(guarded.publish(&batch, &all).await.status, 200);
    }
    let mut some = grant("default", &[Right::Subscribe, Right::Consume]);
    some.streams = vec!["mine-*".into()];
    some.read_types = vec!["acme".into()];
    let (_, some) = guarded.key(some, None).await;
    let types = |answer: &Answer| -> Vec<String> {
        let events = answer.json()["events"].as_array().unwrap().clone();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&guarded.get("/v1/events", &some).await), ["acme.thing.v1"; 2]);
    assert_eq!(types(&guarded.get("/v1/streams/mine-1/events", &some).await), ["acme.thing.v1"; 2]);
    let list = guarded.get("/v1/streams?limit=1", &some).await.json();
    assert_eq!(list["streams"].as_array().unwrap().len(), 1);
    assert_eq!(list["streams"][0]["stream"], "mine-1");
    let rest = guarded.get("/v1/streams?limit=1&after=mine-1", &some).await.json();
    assert_eq!((rest["streams"].as_array().unwrap().len(), &rest["next"]), (0, &Value::Null));
    // The same answer whether it exists or not.
    let there = guarded.get("/v1/streams/other", &some).await.problem(403, "forbidden")["detail"].to_string();
    let not = guarded.get("/v1/streams/nobody", &some).await.problem(403, "forbidden")["detail"].to_string();
    assert_eq!(there.replace("other", "nobody"), not);
    guarded.get("/v1/streams/other/events", &some).await.problem(403, "forbidden");
    guarded.get("/v1/events?streams=mine-1,other", &some).await.problem(403, "forbidden");
    guarded.send(Request::new("POST", "/v1/groups/g/fetch"), &some).await.problem(403, "forbidden");
    // Live, too.
    let bearer = format!("Bearer {some}");
    let mut sse = guarded.server.sse_with("/v1/events", &[("authorization", bearer.as_str())]).await;
    assert_eq!(sse.frame().await.unwrap().event(), Some("headwater.caught-up"));
    for batch in [events("other", 3, 4), vec![event("mine-1", "secret.thing.v1", 8)], events("mine-2", 0, 1)]
    {
        assert_eq!(guarded.publish(&batch, &all).await.status, 200);
    }
    assert_eq!(sse.frame().await.unwrap().json()["stream"], "mine-2");
}

#[tokio::test]
async fn an_open_stream_ends_when_its_key_is_revoked_or_expires() {
    let guarded = Guarded::start().await;
    let (id, revoked) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    let soon = SystemClock.now() + SignedDuration::from_millis(1500);
    let (_, expires) = guarded.key(grant("default", &[Right::Subscribe]), Some(soon)).await;
    let (_, stays) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    let open = async |token: &str| {
        let bearer = format!("Bearer {token}");
        guarded.server.sse_with("/v1/streams/wf-1/events", &[("authorization", bearer.as_str())]).await
    };
    let (mut first, mut second, mut third) = (open(&revoked).await, open(&expires).await, open(&stays).await);
    KeyFile::edit(&guarded.file, |file| file.revoke(&id).map(drop)).unwrap();
    for sse in [&mut first, &mut second] {
        let blocks = sse.rest().await;
        let error = blocks.iter().find(|block| block.event() == Some("headwater.error")).expect("an error");
        assert_eq!(error.json()["code"], "unauthenticated");
    }
    guarded.get("/v1/streams", &revoked).await.problem(401, "unauthenticated");
    guarded.get("/v1/streams", &expires).await.problem(401, "unauthenticated");
    assert_eq!(third.frame().await.unwrap().event(), Some("headwater.caught-up"));
    assert!(third.block().await.unwrap().has_comment(), "others go on");
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_for_a_while() {
    let guarded = Guarded::start().await;
    let (id, old) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    let now = SystemClock.now();
    let rotate = |grace| KeyFile::edit(&guarded.file, |file| file.rotate(&id, now, grace)).unwrap();
    let new = rotate(SignedDuration::from_hours(1));
    guarded.until(&new, 200, true).await;
    assert_eq!(guarded.get("/v1/streams", &old).await.status, 200);
    let newest = rotate(SignedDuration::ZERO);
    guarded.until(&newest, 200, true).await;
    for gone in [old, new] {
        guarded.get("/v1/streams", &gone).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_broken_key_file_leaves_the_keys_in_force() {
    let guarded = Guarded::start().await;
    let (_, good) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    let text = std::fs::read(&guarded.file).unwrap();
    std::fs::write(&guarded.file, b"{").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(guarded.get("/v1/streams", &good).await.status, 200);
    std::fs::write(&guarded.file, text).unwrap();
    let (_, another) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    assert_eq!(guarded.get("/v1/streams", &another).await.status, 200);
}

/// A read that fails for a moment (no handle free, no right to read) leaves the file looking the same.
#[tokio::test]
async fn a_key_file_that_could_not_be_read_is_read_again() {
    let guarded = Guarded::start().await;
    let (id, good) = guarded.key(grant("default", &[Right::Subscribe]), None).await;
    let beside = guarded.file.with_extension("beside");
    std::fs::copy(&guarded.file, &beside).unwrap();
    KeyFile::edit(&beside, |file| file.revoke(&id).map(drop)).unwrap();
    let revoked = std::fs::read(&beside).unwrap();
    let at = std::fs::metadata(&beside).unwrap().modified().unwrap();
    // Both look alike from outside, by length and by time.
    for text in [vec![b' '; revoked.len()], revoked] {
        std::fs::write(&beside, text).unwrap();
        std::fs::File::options().write(true).open(&beside).unwrap().set_modified(at).unwrap();
        std::fs::rename(&beside, &guarded.file).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    guarded.until(&good, 401, true).await;
}

#[tokio::test]
async fn a_gateway_that_asks_nobody_stays_on_loopback() {
    use headwater_broker::{Broker, BrokerConfig};
    use headwater_gateway::{Error, Gateway};
    use headwater_store::{MemoryOptions, MemoryStore};
    let store = std::sync::Arc::new(MemoryStore::new(MemoryOptions::default()));
    let broker = std::sync::Arc::new(Broker::open(store, BrokerConfig::default()).await.unwrap());
    let serve = async |insecure: bool| {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let gateway = Gateway::new(broker.clone(), GatewayConfig { insecure, ..GatewayConfig::default() });
        gateway.serve(listener, std::future::ready(())).await
    };
    assert!(matches!(serve(false).await, Err(Error::Config(_))));
    assert!(serve(true).await.is_ok());
}
