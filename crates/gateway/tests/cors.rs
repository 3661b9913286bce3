//! Pages of other origins: which may read and publish, and how their browsers are answered.

mod support;

use headwater_gateway::GatewayConfig;
use support::{Answer, Request, Server, events};

const PATH: &str = "/v1/streams/wf-1/events";

async fn only(origins: &[&str]) -> Server {
    let allowed_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
    Server::with(GatewayConfig { allowed_origins, ..GatewayConfig::default() }).await
}

async fn preflight(server: &Server, path: &str, origin: &str, headers: &str) -> Answer {
    let request = Request::new("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers);
    request.send(server.addr).await
}

#[tokio::test]
async fn a_page_of_a_loopback_origin_may_open_a_stream() {
    let server = Server::start().await;
    server.publish(&events("wf-1", 0, 1)).await;
    for origin in ["http://localhost:5173", "https://localhost", "http://127.0.0.1:8080", "http://[::1]:3000"]
    {
        let mut sse = server.sse_with(PATH, &[("origin", origin)]).await;
        assert_eq!(sse.headers["access-control-allow-origin"], origin);
        assert_eq!(sse.headers["vary"], "origin");
        assert_eq!(sse.frame().await.unwrap().n(), Some(0));
    }
}

#[tokio::test]
async fn other_origins_are_refused_unless_they_are_listed() {
    let server = Server::start().await;
    for origin in ["https://app.example.com", "http://localhost.example.com", "http://localhost:x", "null"] {
        let answer = Request::new("GET", PATH).header("origin", origin).send(server.addr).await;
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("", "origin"));
        let asked = preflight(&server, "/v1/events", origin, "content-type").await;
        assert!(asked.headers.keys().all(|name| !name.starts_with("access-control")), "{asked:?}");
    }
    let server = only(&["https://app.example.com"]).await;
    for (origin, allowed) in [("https://app.example.com", true), ("http://localhost:5173", false)] {
        let answer = Request::new("GET", PATH).header("origin", origin).send(server.addr).await;
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { origin } else { "" });
    }
}

#[tokio::test]
async fn a_preflight_says_what_may_be_sent() {
    let server = Server::start().await;
    let asked = "Content-Type, ce-id, CE-Source, Last-Event-ID, Headwater-Tenant, X-Other";
    for path in ["/v1/events", PATH, "/v1/streams/wf-1"] {
        let answer = preflight(&server, path, "http://localhost:5173", asked).await;
        assert_eq!((answer.status, answer.header("access-control-max-age")), (204, "7200"));
        assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:5173");
        assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, POST, DELETE");
        let names = answer.header("access-control-allow-headers");
        assert_eq!(names, "content-type, ce-id, ce-source, last-event-id, headwater-tenant");
        assert!(answer.header("vary").contains("origin"));
    }
}

#[tokio::test]
async fn a_star_allows_every_page_and_refusals_can_be_read_too() {
    let server = only(&["*"]).await;
    let request =
        Request::new("GET", PATH).header("origin", "https://a.example").header("last-event-id", "x");
    let answer = request.send(server.addr).await;
    answer.problem(400, "bad-cursor");
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("*", ""));
}

/// A browser sends what a page of any origin tells it to, and only keeps the answer back.
#[tokio::test]
async fn a_page_of_another_origin_changes_nothing_on_a_server_that_asks_nobody() {
    let server = Server::start().await;
    let body = serde_json::to_vec(&events("wf-1", 0, 1)).unwrap();
    let ask = async |server: &Server, method: &str, path: &str, origin: &str| {
        let request = Request::new(method, path).header("origin", origin);
        // What a page may send without asking first.
        request.header("content-type", "text/plain").body(body.clone()).send(server.addr).await
    };
    for origin in ["https://evil.example", "null", "http://test", "http://localhost.evil.example"] {
        for (method, path) in [
            ("POST", "/v1/events"),
            ("GET", PATH),
            ("DELETE", "/v1/streams/wf-1"),
            ("PUT", "/v1/groups/g"),
            ("POST", "/v1/tickets"),
        ] {
            ask(&server, method, path, origin).await.problem(403, "forbidden");
        }
    }
    assert_eq!(server.stored("wf-1").await, 0);
    assert_ne!(ask(&server, "POST", "/v1/events", "http://localhost:5173").await.status, 403);
    // Something in front of it asks.
    let insecure = GatewayConfig { insecure: true, ..GatewayConfig::default() };
    let server = Server::with(insecure).await;
    assert_ne!(ask(&server, "POST", "/v1/events", "https://app.example").await.status, 403);
    // With an empty list its own pages go on, by a name that is always this machine's.
    let server = only(&[]).await;
    let own = |name: &str| {
        let bytes = Request::new("GET", PATH).header("origin", &format!("http://{name}")).bytes();
        String::from_utf8(bytes).unwrap().replace("host: test", &format!("host: {name}"))
    };
    let answer = async |name: &str| support::raw(server.addr, own(name).as_bytes()).await;
    assert_eq!(answer("localhost:7420").await.status, 200);
    answer("rebound.example:7420").await.problem(403, "forbidden");
}

#[test]
fn what_is_no_origin_is_refused_at_the_start() {
    for wrong in ["example.com", "https://", "https://a.example/", "https://*.example", ""] {
        let config = GatewayConfig { allowed_origins: vec![wrong.into()], ..GatewayConfig::default() };
        assert!(config.check().unwrap_err().starts_with("allowed_origins: "), "{wrong}");
    }
    for good in ["*", "loopback", "https://a.example", "http://a.example:8080"] {
        let config = GatewayConfig { allowed_origins: vec![good.into()], ..GatewayConfig::default() };
        assert_eq!(config.check(), Ok(()));
    }
}
