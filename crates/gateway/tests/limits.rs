//! Limits of connections and readers. Each is made short here; nothing is measured.

mod support;

use std::time::Duration;

use headwater_gateway::GatewayConfig;
use support::{Block, Request, SOON, Server, event, events};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};

const PATH: &str = "/v1/streams/wf-1/events";

#[tokio::test]
async fn a_reader_that_finds_no_seat_is_told_to_come_back() {
    let config = GatewayConfig { max_readers: 1, retry_overload_ms: 7_000, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let mut first = server.sse(PATH).await;
    first.frame().await.unwrap();
    let mut second = server.sse(PATH).await;
    assert_eq!((second.status, second.headers["content-type"].as_str()), (200, "text/event-stream"));
    let blocks = second.rest().await;
    assert_eq!(blocks.len(), 1);
    assert_eq!((blocks[0].retry(), blocks[0].data()), (Some(7_000), None));
    drop(first);
    loop {
        // The seat is free once the server has noticed.
        if server.sse(PATH).await.frame().await.is_some() {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_response_that_has_lasted_long_enough_ends_with_a_cursor() {
    let config = GatewayConfig { reader_lifetime_ms: 160, heartbeat_ms: 50, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let cursors = server.publish(&events("wf-1", 0, 3)).await;
    let blocks = server.sse(PATH).await.rest().await;
    let last = blocks.last().unwrap();
    assert_eq!((last.retry(), last.data(), last.id()), (Some(2000), None, Some(cursors[2].as_str())));
    assert!(blocks.iter().any(Block::has_comment));
    let mut again = server.sse_with(PATH, &[("last-event-id", last.id().unwrap())]).await;
    assert_eq!(again.frame().await.unwrap().event(), Some("headwater.caught-up"), "nothing comes twice");
}

#[tokio::test]
async fn an_idle_stream_ends_in_the_same_way_where_that_is_set() {
    let server = Server::with(GatewayConfig { reader_idle_ms: 60, ..GatewayConfig::default() }).await;
    let mut sse = server.sse(PATH).await;
    assert_eq!(sse.frame().await.unwrap().event(), Some("headwater.caught-up"));
    assert_eq!(sse.rest().await.last().unwrap().retry(), Some(2000));
}

#[tokio::test]
async fn a_connection_without_a_head_is_closed() {
    let server = Server::with(GatewayConfig { header_read_timeout_ms: 50, ..GatewayConfig::default() }).await;
    for beginning in [&b""[..], b"GET /healthz HTTP/1.1\r\nhost: "] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        let mut rest = Vec::new();
        timeout(SOON, stream.read_to_end(&mut rest)).await.expect("closed in time").unwrap();
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let server = Server::with(GatewayConfig { body_read_timeout_ms: 50, ..GatewayConfig::default() }).await;
    let head = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/cloudevents+json\r\ncontent-length: 9\r\n\r\n{";
    support::raw(server.addr, head).await.problem(408, "body-timeout");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = Server::start().await;
    let mut head = b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-fill: ".to_vec();
    head.resize(200 * 1024, b'x');
    assert_eq!(support::raw(server.addr, &head).await.status, 431);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_seat() {
    let server = Server::with(GatewayConfig { max_connections: 1, ..GatewayConfig::default() }).await;
    let mut first = TcpStream::connect(server.addr).await.unwrap();
    first.write_all(&Request::new("GET", "/healthz").bytes()).await.unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = TcpStream::connect(server.addr).await.unwrap();
    second.write_all(&Request::new("GET", "/healthz").bytes()).await.unwrap();
    assert!(timeout(Duration::from_millis(100), second.read_exact(&mut byte)).await.is_err(), "it waits");
    drop(first);
    timeout(SOON, second.read_exact(&mut byte)).await.expect("its turn comes").unwrap();
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed_and_others_go_on() {
    let config = GatewayConfig { write_stall_timeout_ms: 200, ..GatewayConfig::default() };
    let server = Server::with(config).await;
    let mut slow = TcpStream::connect(server.addr).await.unwrap();
    slow.write_all(&Request::new("GET", PATH).header("accept", "text/event-stream").bytes()).await.unwrap();
    let mut quick = server.sse(PATH).await;
    quick.frame().await.unwrap();
    // Far more than the buffers of a socket take.
    let filling = "x".repeat(100 * 1024);
    for n in 0..300 {
        let mut event = event("wf-1", "acme.big.v1", n);
        event["data"]["filling"] = filling.as_str().into();
        server.publish(&[event]).await;
        assert_eq!(quick.frame().await.unwrap().n(), Some(n as u64), "another reader is not held up");
    }
    // The slow one finds out only when it reads: what was under way, then the close.
    timeout(SOON, async {
        loop {
            let text = server.get("/metrics").await.text();
            if text.lines().any(|l| l.starts_with("headwater_http_stalled_total") && !l.ends_with(" 0")) {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the stalled reader is closed");
    let mut reader = BufReader::new(slow);
    let mut taken = Vec::new();
    let _ = timeout(SOON, reader.read_to_end(&mut taken)).await.expect("the connection is closed");
    assert!(taken.len() < 300 * 100 * 1024, "it got {} bytes", taken.len());
}

#[tokio::test]
async fn a_reader_that_was_too_slow_and_chose_disconnect_hears_why() {
    let server = Server::start().await;
    let mut sse = server.sse(&format!("{PATH}?overflow=disconnect")).await;
    assert_eq!(sse.frame().await.unwrap().event(), Some("headwater.caught-up"));
    // The connection is full long before the ring has gone round; then it is overrun.
    let filling = "x".repeat(200 * 1024);
    let mut big = event("wf-1", "acme.big.v1", 0);
    big["data"]["filling"] = filling.as_str().into();
    for n in 0..100 {
        big["id"] = format!("big-{n}").into();
        server.publish(&[big.clone()]).await;
    }
    for from in (0..4000).step_by(1000) {
        server.publish(&events("wf-1", from, from + 1000)).await;
    }
    let blocks = sse.rest().await;
    let error =
        blocks.iter().find(|block| block.event() == Some("headwater.error")).expect("headwater.error");
    assert_eq!(error.json()["code"], "slow-consumer");
    assert_eq!(error.json()["cursor"].as_str(), error.id());
    assert!(blocks.last().unwrap().retry().is_some());
    let mut again = server.sse_with(PATH, &[("last-event-id", error.id().unwrap())]).await;
    let delivered = blocks
        .iter()
        .filter(|b| b.data().is_some() && b.event().is_some_and(|e| e.starts_with("acme")))
        .count();
    again.frames(4100 - delivered).await;
    assert_eq!(
        again.frame().await.unwrap().event(),
        Some("headwater.caught-up"),
        "nothing lost, nothing twice"
    );
}
