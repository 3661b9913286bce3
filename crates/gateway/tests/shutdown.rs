//! Stopping in order.

mod support;

use std::{sync::Arc, time::Duration};

use headwater_gateway::GatewayConfig;
use support::{Request, SOON, Server, event, events, slow_broker::SlowBroker};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

const PATH: &str = "/v1/streams/wf-1/events";

#[tokio::test]
async fn readers_get_retry_and_a_clean_end() {
    let mut server = Server::start().await;
    let cursors = server.publish(&events("wf-1", 0, 2)).await;
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut sse = server.sse(PATH).await;
        sse.frames(3).await;
        readers.push(sse);
    }
    server.stop();
    for mut sse in readers {
        let last = sse.rest().await.pop().expect("a last block");
        assert_eq!((last.retry(), last.id(), last.data()), (Some(2000), Some(cursors[1].as_str()), None));
    }
    let addr = server.addr;
    server.stopped().await;
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn publishers_in_flight_get_their_answer() {
    let broker = Arc::new(SlowBroker::new().await);
    let mut server = Server::over(broker.clone(), GatewayConfig::default()).await;
    let addr = server.addr;
    let body = serde_json::to_vec(&event("wf-1", "acme.thing.v1", 0)).unwrap();
    let request =
        Request::new("POST", "/v1/events").header("content-type", "application/cloudevents+json").body(body);
    let publish = tokio::spawn(request.send(addr));
    timeout(SOON, broker.entered()).await.expect("the publish is under way");
    server.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!publish.is_finished());
    broker.release();
    let answer = publish.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    server.stopped().await;
}

#[tokio::test]
async fn what_does_not_finish_is_cut_at_the_deadline() {
    let broker = Arc::new(SlowBroker::new().await);
    let config = GatewayConfig { shutdown_timeout_ms: 100, ..GatewayConfig::default() };
    let mut server = Server::over(broker.clone(), config).await;
    let body = serde_json::to_vec(&event("wf-1", "acme.thing.v1", 0)).unwrap();
    let request =
        Request::new("POST", "/v1/events").header("content-type", "application/cloudevents+json").body(body);
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(&request.bytes()).await.unwrap();
    timeout(SOON, broker.entered()).await.expect("the publish is under way");
    server.stop();
    server.stopped().await;
}

#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    let mut server = Server::start().await;
    let silent = TcpStream::connect(server.addr).await.unwrap();
    let mut kept = TcpStream::connect(server.addr).await.unwrap();
    kept.write_all(&Request::new("GET", "/healthz").bytes()).await.unwrap();
    let mut kept = tokio::io::BufReader::new(kept);
    assert_eq!(support::Answer::read(&mut kept, false).await.status, 200);
    server.stop();
    server.stopped().await;
    drop(silent);
}
