//! The broker's suite over NATS.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_broker::suite::{OpenStore, OverStore, Setup};
use headwater_nats::{NatsOptions, NatsStore};
use headwater_store::{
    Store,
    suite::{Fixture, Time},
};

#[derive(Default)]
struct Nats(crate::kit::OnNats);

#[async_trait]
impl OpenStore for Nats {
    const TIME: Time = Time::Real;

    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = NatsOptions {
            retention: setup.retention,
            retention_interval: Duration::from_secs(3600),
            ..NatsOptions::default()
        };
        Arc::new(NatsStore::open(&self.0.url(), options).await.unwrap())
    }

    fn faults(&self) -> Option<&dyn headwater_store::suite::Faults> {
        self.0.faults()
    }
}

headwater_broker::broker_suite!(OverStore::<Nats>::new());
