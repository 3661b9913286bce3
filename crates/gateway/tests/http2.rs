//! HTTP/2 with prior knowledge: what proxies speak behind them.

mod support;

use bytes::Bytes;
use headwater_gateway::GatewayConfig;
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

/// A connection whose streams take `window` bytes before their reader has to take them.
async fn connect(server: &Server, window: u32) -> http2::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(server.addr).await.expect("a connection");
    let mut client = http2::Builder::new(TokioExecutor::new());
    client.initial_stream_window_size(window).initial_connection_window_size(1024 * 1024);
    let (send, connection) = client.handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    send
}

async fn read(server: &Server, send: &mut http2::SendRequest<Empty<Bytes>>) -> Incoming {
    let request = Request::get(format!("http://{}/v1/streams/wf-1/events", server.addr))
        .header("accept", "text/event-stream")
        .body(Empty::new())
        .expect("a request");
    send.send_request(request).await.expect("a head").into_body()
}

#[tokio::test]
async fn a_stream_that_takes_nothing_loses_its_seat_and_others_go_on() {
    for window in [0, 16] {
        let config =
            GatewayConfig { max_readers: 2, write_stall_timeout_ms: 150, ..GatewayConfig::default() };
        let server = Server::with(config).await;
        server.publish(&events("wf-1", 0, 1)).await;
        let (mut small, mut large) = (connect(&server, window).await, connect(&server, 64 * 1024).await);
        let mut quiet = read(&server, &mut large).await;
        read_until(&mut quiet, "headwater.caught-up").await;
        let mut stuck = read(&server, &mut small).await;
        // The seat is free once the stuck stream is given up.
        timeout(SOON, async {
            loop {
                let mut third = read(&server, &mut large).await;
                if read_until(&mut third, "headwater.caught-up").await.contains("headwater.caught-up") {
                    break;
                }
            }
        })
        .await
        .expect("a free seat");
        let reset = timeout(SOON, async {
            while let Some(frame) = stuck.frame().await {
                frame?;
            }
            Ok::<_, hyper::Error>(())
        });
        assert!(reset.await.expect("in time").is_err(), "the stuck stream is cut, not ended");
        // Who waits for events owes nothing, however long it takes.
        server.publish(&events("wf-1", 1, 2)).await;
        assert!(read_until(&mut quiet, r#""n":1"#).await.contains(r#""n":1"#));
    }
}

#[tokio::test]
async fn a_stream_that_takes_too_little_does_not_outlive_its_lifetime() {
    let config = GatewayConfig {
        reader_lifetime_ms: 100,
        write_stall_timeout_ms: 200,
        heartbeat_ms: 10_000,
        ..GatewayConfig::default()
    };
    let server = Server::with(config).await;
    let mut big = event("wf-1", "acme.big.v1", 0);
    big["data"]["filling"] = "x".repeat(200 * 1024).into();
    server.publish(&[big]).await;
    let mut send = connect(&server, 4 * 1024).await;
    let mut body = read(&server, &mut send).await;
    // A little now and then: never stalled, and far from the end.
    let cut = timeout(SOON, async {
        loop {
            match body.frame().await {
                Some(Ok(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                Some(Err(_)) => break true,
                None => break false,
            }
        }
    });
    assert!(cut.await.expect("in time"));
}
