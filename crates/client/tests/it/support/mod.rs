//! The client under the broker's suite: a gateway over a local broker, on a real socket.

pub(crate) mod fake;

use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_broker::{
    Capabilities, EventBroker,
    suite::{Factory, OpenStore, OverStore, Setup, Subject},
};
use headwater_client::{HttpBroker, HttpOptions};
use headwater_gateway::{Gateway, GatewayConfig};
use headwater_store::suite::{Faults, Time};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// Clients of gateways over brokers over the stores that `S` opens.
pub(crate) struct OverHttp<S>(PhantomData<fn() -> S>);

impl<S> OverHttp<S> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<S: OpenStore> Factory for OverHttp<S> {
    async fn make(&self, setup: Setup) -> Box<dyn Subject> {
        // Readers are cut off early and often, so that reconnecting is part of most clauses. Those with tight rings
        // are about slow readers: reconnecting would make them quick.
        let lifetime_ms = if setup.ring_events < 1024 { 0 } else { 400 };
        let local = OverStore::<S>::new().make(setup).await;
        let server = Server::over(local.broker(), lifetime_ms).await;
        let client = server.client();
        Box::new(Remote { local, lifetime_ms, server: Some(server), client })
    }

    fn name(&self) -> String {
        format!("http over {}", S::name())
    }

    fn time(&self) -> Time {
        S::TIME
    }
}

struct Remote {
    local: Box<dyn Subject>,
    lifetime_ms: u64,
    server: Option<Server>,
    client: HttpBroker,
}

#[async_trait]
impl Subject for Remote {
    fn broker(&self) -> Arc<dyn EventBroker> {
        Arc::new(self.client.clone())
    }

    fn capabilities(&self) -> Capabilities {
        self.local.capabilities()
    }

    fn has_feed(&self) -> bool {
        false
    }

    fn buffered_bytes(&self) -> usize {
        // What Linux lets one connection grow to by default, both ends together, and what lies between them.
        12 << 20
    }

    fn faults(&self) -> Option<&dyn Faults> {
        self.local.faults()
    }

    async fn trim(&self) {
        self.local.trim().await;
    }

    async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        self.local.restart().await;
        let server = Server::over(self.local.broker(), self.lifetime_ms).await;
        self.client = server.client();
        self.server = Some(server);
    }
}

/// A gateway on a free port.
pub(crate) struct Server {
    url: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), headwater_gateway::Error>>,
}

impl Server {
    pub(crate) async fn over(broker: Arc<dyn EventBroker>, reader_lifetime_ms: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = GatewayConfig {
            heartbeat_ms: 50,
            retry_ms: 5,
            reader_lifetime_ms,
            shutdown_timeout_ms: 1000,
            ..GatewayConfig::default()
        };
        let gateway = Gateway::new(broker, config);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            gateway.serve(listener, stopped).await
        });
        Self { url, stop, task }
    }

    pub(crate) fn client(&self) -> HttpBroker {
        let options = HttpOptions::default().backoff(Duration::from_millis(5), Duration::from_secs(1));
        HttpBroker::connect(&self.url, options).unwrap()
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap().unwrap();
    }
}
