//! A store over a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, unreachable_pub, missing_debug_implementations)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use headwater_nats::{NatsOptions, NatsStore};
use headwater_store::{
    Store,
    suite::{Fixture, Setup, Time},
};
use headwater_test_servers::Nats;

/// A namespace of its own on the server that all tests share.
pub struct OnNats {
    url: String,
    atomic: bool,
}

impl OnNats {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let server = Nats::shared().expect("nats-server");
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { url: format!("{}?namespace=t{n}", server.url()), atomic: true }
    }

    pub fn without_batches() -> Self {
        Self { atomic: false, ..Self::new() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

pub fn options(setup: &Setup) -> NatsOptions {
    NatsOptions {
        lanes: setup.lanes,
        retention: setup.retention,
        dedup_window: setup.dedup_window,
        retention_interval: Duration::from_secs(3600),
        ..NatsOptions::default()
    }
}

impl Default for OnNats {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait::async_trait]
impl Fixture for OnNats {
    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = NatsOptions { atomic: self.atomic, ..options(setup) };
        Arc::new(NatsStore::open(&self.url, options).await.expect("the store opens"))
    }

    fn time(&self) -> Time {
        Time::Real
    }
}
