//! A gateway on a free port, and a client that shows every byte.
#![allow(dead_code, unreachable_pub, missing_docs, missing_debug_implementations, clippy::unwrap_used)]

pub mod http;
pub mod slow_broker;
pub mod sse;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use headwater_broker::{Broker, BrokerConfig, EventBroker};
use headwater_gateway::{AuthConfig, Authority, Gateway, GatewayConfig};
use headwater_store::{MemoryOptions, MemoryStore, SystemClock};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub use http::{Answer, Request};
#[allow(unused_imports)]
pub use sse::{Block, Sse};

/// Longer than anything here takes, shorter than patience.
pub const SOON: Duration = Duration::from_secs(10);

pub struct Server {
    pub addr: SocketAddr,
    pub broker: Arc<dyn EventBroker>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), headwater_gateway::Error>>,
}

impl Server {
    /// Over a broker and a memory store, with the defaults.
    pub async fn start() -> Self {
        Self::with(GatewayConfig::default()).await
    }

    pub async fn with(config: GatewayConfig) -> Self {
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let broker = Broker::open(store, BrokerConfig::default()).await.unwrap();
        Self::over(Arc::new(broker), config).await
    }

    pub async fn over(broker: Arc<dyn EventBroker>, config: GatewayConfig) -> Self {
        Self::of(Arc::clone(&broker), Gateway::new(broker, config)).await
    }

    /// One that admits whom an authority knows.
    pub async fn guarded(config: GatewayConfig, auth: AuthConfig) -> Self {
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let broker: Arc<dyn EventBroker> =
            Arc::new(Broker::open(store, BrokerConfig::default()).await.unwrap());
        let authority = Authority::open(auth, Arc::new(SystemClock), None).await.unwrap();
        Self::of(Arc::clone(&broker), Gateway::guarded(broker, config, authority)).await
    }

    pub async fn of(broker: Arc<dyn EventBroker>, gateway: Gateway) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            gateway
                .serve(listener, async {
                    let _ = stopped.await;
                })
                .await
        });
        Self { addr, broker, stop: Some(stop), task }
    }

    /// Asks it to stop; it goes on until it has.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until it has stopped.
    pub async fn stopped(self) {
        tokio::time::timeout(SOON, self.task).await.expect("stops in time").unwrap().unwrap();
    }

    pub async fn get(&self, path: &str) -> Answer {
        Request::new("GET", path).send(self.addr).await
    }

    pub async fn post(&self, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        Request::new("POST", "/v1/events").header("content-type", kind).body(body).send(self.addr).await
    }

    /// Publishes a batch that has to be accepted, and gives the cursors.
    pub async fn publish(&self, events: &[Value]) -> Vec<String> {
        let body = serde_json::to_vec(events).unwrap();
        let answer = self.post("application/cloudevents-batch+json", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let results = answer.json()["results"].as_array().unwrap().clone();
        results.iter().map(|r| r["cursor"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn sse(&self, path: &str) -> Sse {
        self.sse_with(path, &[]).await
    }

    pub async fn sse_with(&self, path: &str, headers: &[(&str, &str)]) -> Sse {
        let mut request = Request::new("GET", path).header("accept", "text/event-stream");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Sse::open(request, self.addr).await
    }

    /// How many events of a stream are stored.
    pub async fn stored(&self, stream: &str) -> usize {
        let page = self.get(&format!("/v1/streams/{stream}/events?limit=1000")).await;
        page.json()["events"].as_array().unwrap().len()
    }
}

/// Waits until something holds.
pub async fn until(holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("it holds in time");
}

/// An event of a run, in structured JSON.
pub fn event(stream: &str, ty: &str, n: usize) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("{stream}-{n}"),
        "source": "/agents/test",
        "type": ty,
        "subject": stream,
        "data": { "n": n },
    })
}

/// A piece of a model's answer: transient.
pub fn delta(stream: &str, n: usize) -> Value {
    let mut event = event(stream, "llm.delta.v1", n);
    event["subject"] = format!("{stream}/llm/call-1").into();
    event["data"] = json!({ "text": format!("word{n} ") });
    event
}

/// Events `from..to` of a run that stays open.
pub fn events(stream: &str, from: usize, to: usize) -> Vec<Value> {
    (from..to).map(|n| event(stream, "acme.thing.v1", n)).collect()
}

/// The event that opens a run.
pub fn started(stream: &str) -> Value {
    let mut event = event(stream, "workflow.started.v1", 100_000);
    event["data"] = json!({ "name": "test" });
    event
}

/// The event that ends a run.
pub fn completed(stream: &str) -> Value {
    let mut event = event(stream, "workflow.completed.v1", 100_001);
    event["data"] = json!({});
    event
}

/// Sends bytes as they are and reads one answer.
pub async fn raw(addr: SocketAddr, bytes: &[u8]) -> Answer {
    use tokio::io::AsyncWriteExt;
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut reader = tokio::io::BufReader::new(stream);
    tokio::time::timeout(SOON, Answer::read(&mut reader, false)).await.expect("an answer in time")
}
