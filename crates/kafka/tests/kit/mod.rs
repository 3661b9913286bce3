//! Stores over a real Kafka: one server for the test program, a topic for each fixture.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use headwater_kafka::{KafkaOptions, KafkaStore};
use headwater_store::{
    Store,
    suite::{Fixture, Setup, Time},
};
use headwater_test_servers::{Kafka, aside};

/// A topic of its own on the shared server.
pub(crate) struct OnKafka {
    topic: String,
}

impl OnKafka {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self { topic: format!("suite-{}", NEXT.fetch_add(1, Ordering::Relaxed)) }
    }
}

#[async_trait::async_trait]
impl Fixture for OnKafka {
    fn name(&self) -> Option<&'static str> {
        Some("kafka")
    }


    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let kafka = aside(Kafka::shared).await.expect("a server");
        let mut options = KafkaOptions::from_url(&kafka.url()).expect("a URL");
        options.topic.clone_from(&self.topic);
        options.lanes = setup.lanes;
        options.retention = setup.retention;
        options.clock = Arc::clone(&setup.clock);
        Arc::new(KafkaStore::open(options).await.expect("the store opens"))
    }

    fn time(&self) -> Time {
        Time::Real
    }
}
