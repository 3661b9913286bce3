//! HTTP/2 with prior knowledge: what proxies speak behind them.

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{SOON, Server, event, events};
use tokio::{net::TcpStream, time::timeout};

/// Reads a body until it holds `needle`, or to its end.
async fn read_until(body: &mut Incoming, needle: &str) -> String {
    let mut text = String::new();
    while !text.contains(needle) {
        let Some(frame) = timeout(SOON, body.frame()).await.expect("in time") else {
            break;
        };
        let data = frame.expect("a whole frame").into_data().expect("data");
        text.push_str(std::str::from_utf8(&data).expect("text"));
    }
    text
}

#[tokio::test]
async fn streams_and_publishes_share_a_connection_and_end_in_order() {
    let mut server = Server::start().await;
    server.publish(&events("wf-1", 0, 2)).await;
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (mut send, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let base = format!("http://{}", server.addr);

    let mut streams = Vec::new();
    for _ in 0..10 {
        let request = Request::get(format!("{base}/v1/streams/wf-1/events"))
            .header("accept", "text/event-stream")
            .body(Empty::new().boxed())
            .unwrap();
        let response = send.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        streams.push(response.into_body());
    }
    for body in &mut streams {
        let text = read_until(body, "headwater.caught-up").await;
        assert!(text.starts_with(':') && text.contains("\"n\":1"), "{text}");
    }
    let body = serde_json::to_vec(&event("wf-1", "acme.thing.v1", 7)).unwrap();
    let publish = Request::post(format!("{base}/v1/events"))
        .header("content-type", "application/cloudevents+json")
        .body(Full::new(Bytes::from(body)).boxed())
        .unwrap();
    assert_eq!(send.send_request(publish).await.unwrap().status(), 200);
    for body in &mut streams {
        read_until(body, "\"n\":7").await;
    }
    server.stop();
    for body in &mut streams {
        let text = read_until(body, "nothing has this").await;
        assert!(text.contains("retry: 2000"), "{text}");
    }
    drop((send, streams));
    timeout(SOON, connection).await.expect("closed in time").unwrap().unwrap();
    server.stopped().await;
}
