//! A broker that is away: publishers hear it, streams are told to come back.

mod support;

use headwater_gateway::GatewayConfig;
use support::{Server, event, events};

const PATH: &str = "/v1/streams/wf-1/events";

#[tokio::test]
async fn a_stream_that_cannot_begin_is_200_retry_and_a_close() {
    let config = GatewayConfig { retry_overload_ms: 4_000, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let cursor = server.publish(&events("wf-1", 0, 1)).await.remove(0);
    server.broker.close().await.unwrap();
    for headers in [&[][..], &[("last-event-id", cursor.as_str())]] {
        let mut sse = server.sse_with(PATH, headers).await;
        assert_eq!(sse.status, 200);
        let blocks = sse.rest().await;
        assert_eq!(blocks[0].retry(), Some(4_000));
        assert!(blocks.iter().all(|block| block.id().is_none()), "the reader keeps the cursor it has");
        assert_eq!(blocks[1].event(), Some("headwater.error"));
        assert_eq!(blocks[1].json()["code"], "closed");
    }
    let wrong = server.sse_with(PATH, &[("last-event-id", "42")]).await;
    assert_eq!(wrong.status, 400, "what would fail again in the same way is still an error");
}

#[tokio::test]
async fn a_stream_that_is_cut_off_ends_with_retry() {
    let server = Server::start().await;
    let cursor = server.publish(&events("wf-1", 0, 1)).await.remove(0);
    let mut sse = server.sse(PATH).await;
    sse.frames(2).await;
    server.broker.close().await.unwrap();
    let last = sse.rest().await.pop().unwrap();
    assert_eq!((last.retry(), last.id()), (Some(2000), Some(cursor.as_str())));
}

#[tokio::test]
async fn everything_else_is_503_with_retry_after() {
    let server = Server::start().await;
    server.broker.close().await.unwrap();
    let body = serde_json::to_vec(&event("wf-1", "acme.thing.v1", 0)).unwrap();
    let answer = server.post("application/cloudevents+json", body).await;
    answer.problem(503, "closed");
    assert_eq!(answer.header("retry-after"), "1");
    for path in [PATH, "/v1/events", "/v1/streams", "/v1/streams/wf-1"] {
        server.get(path).await.problem(503, "closed");
    }
}
