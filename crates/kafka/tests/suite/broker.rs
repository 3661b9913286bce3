//! The broker's suite over a real Kafka.

use std::sync::Arc;

use async_trait::async_trait;
use headwater_broker::suite::{OpenStore, OverStore, Setup};
use headwater_kafka::KafkaStore;
use headwater_store::{
    Store,
    suite::{Faults, Fixture, Time},
};

#[derive(Default)]
struct Place(crate::kit::OnKafka);

#[async_trait]
impl OpenStore for Place {
    const TIME: Time = Time::Real;

    fn name() -> String {
        "kafka".to_owned()
    }

    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let mut options = self.0.options().await;
        options.retention = setup.retention;
        Arc::new(KafkaStore::open(options).await.expect("the store opens"))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        self.0.faults()
    }
}

headwater_broker::broker_suite!(OverStore::<Place>::new());
