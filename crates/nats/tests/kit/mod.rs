//! A store over a real server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    missing_debug_implementations
)]

pub mod events;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::HeaderMap;
use async_trait::async_trait;
use headwater_events::lane_of;
use headwater_nats::{NatsOptions, NatsStore};
use headwater_store::{
    Store, StreamName, Tenant,
    suite::{Faults, Fixture, Setup, Time},
};
use headwater_test_servers::{Nats, NatsOptions as ServerOptions, Proxy, aside};

/// A namespace of its own on the server that all tests share; or, once harm is asked for, on a server of its own.
pub struct OnNats {
    namespace: String,
    atomic: bool,
    own: OnceLock<Own>,
    opened: Mutex<Option<Arc<NatsStore>>>,
}

/// A server that may be harmed, behind a proxy.
pub struct Own {
    pub nats: Nats,
    pub proxy: Proxy,
    namespace: String,
}

impl Default for OnNats {
    fn default() -> Self {
        Self::new()
    }
}

impl OnNats {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { namespace: format!("t{n}"), atomic: false, own: OnceLock::new(), opened: Mutex::default() }
    }

    pub fn with_batches() -> Self {
        Self { atomic: true, ..Self::new() }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Through the proxy, where there is one.
    pub fn url(&self) -> String {
        let url = match self.own.get() {
            Some(own) => own.nats.url_at(own.proxy.address()),
            None => Nats::shared().expect("nats-server").url(),
        };
        format!("{url}?namespace={}", self.namespace)
    }

    pub fn own(&self) -> &Own {
        self.own.get_or_init(|| {
            let nats = Nats::start(ServerOptions::default()).expect("nats-server");
            let proxy = Proxy::to(nats.address()).expect("a proxy");
            Own { nats, proxy, namespace: self.namespace.clone() }
        })
    }

    pub async fn open_with(&self, options: NatsOptions) -> NatsStore {
        NatsStore::open(&self.url(), NatsOptions { atomic: self.atomic, ..options })
            .await
            .expect("the store opens")
    }
}

/// Options under which nothing happens by itself.
pub fn quiet() -> NatsOptions {
    NatsOptions { retention_interval: Duration::from_secs(3600), ..NatsOptions::default() }
}

#[async_trait]
impl Fixture for OnNats {
    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = NatsOptions {
            lanes: setup.lanes,
            retention: setup.retention,
            dedup_window: setup.dedup_window,
            ..quiet()
        };
        let store = Arc::new(self.open_with(options).await);
        *self.opened.lock().unwrap() = Some(Arc::clone(&store));
        store
    }

    async fn crash(&self, _: &Arc<dyn Store>) -> bool {
        let last = self.opened.lock().unwrap().take();
        let Some(store) = last else { return false };
        store.crash().await;
        true
    }

    fn name(&self) -> Option<&'static str> {
        self.atomic.then_some("nats-atomic")
    }

    fn time(&self) -> Time {
        Time::Real
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self.own())
    }
}

impl Own {
    async fn on(&self, what: impl FnOnce(&Nats) + Send + 'static) -> bool {
        let nats = self.nats.clone();
        aside(move || what(&nats)).await;
        true
    }

    /// A client past the proxy, as an operator has one.
    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.nats.url()).await.expect("a client")
    }
}

#[async_trait]
impl Faults for Own {
    fn settings(&self) -> String {
        "file storage, sync_interval 2m (a write is in the page cache before it is answered)".to_owned()
    }

    async fn restart(&self) -> bool {
        self.on(|nats| nats.server().restart().unwrap()).await
    }

    async fn kill(&self) -> bool {
        self.on(|nats| nats.server().crash().unwrap()).await
    }

    async fn pause(&self) -> bool {
        self.on(|nats| nats.server().pause().unwrap()).await
    }

    async fn resume(&self) -> bool {
        self.on(|nats| nats.server().resume().unwrap()).await
    }

    async fn cut(&self) -> bool {
        self.proxy.cut_now();
        true
    }

    async fn wipe(&self) -> bool {
        self.on(|nats| nats.server().wipe().unwrap()).await
    }

    async fn spoil(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        let client = self.client().await;
        let info = stream_info(&client, &self.namespace).await;
        let lanes = info["config"]["metadata"]["headwater-lanes"].as_str().unwrap().parse().unwrap();
        let lane = lane_of(tenant.as_str(), stream.as_str(), lanes);
        let subject = format!("{}.{tenant}.{lane}.v.d.n.{stream}", self.namespace);
        client.request_with_headers(subject, HeaderMap::new(), "none of ours".into()).await.unwrap();
        true
    }

    async fn delete_under(&self, _: &Tenant, _: &StreamName) -> bool {
        let client = self.client().await;
        let name = format!("$JS.API.STREAM.DELETE.{}-events", self.namespace);
        client.request(name, "".into()).await.unwrap();
        true
    }

    fn attempts(&self) -> Option<u64> {
        Some(self.proxy.attempts())
    }
}

/// What the server says of the events' stream.
pub async fn stream_info(client: &async_nats::Client, namespace: &str) -> serde_json::Value {
    let info = client.request(format!("$JS.API.STREAM.INFO.{namespace}-events"), "".into()).await.unwrap();
    serde_json::from_slice(&info.payload).unwrap()
}
