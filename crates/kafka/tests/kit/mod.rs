//! Stores over a real Kafka: one server for the test program, a topic for each fixture.

// Each test program uses a part of it.
#![allow(dead_code)]

mod harm;
mod past;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use headwater_kafka::{KafkaOptions, KafkaStore};
use headwater_store::{
    Store,
    suite::{Faults, Fixture, Setup, Time},
};
use headwater_test_servers::{Kafka, aside};

pub(crate) use self::{harm::Own, past::Past};

/// A topic of its own on the shared server; on a server of its own once somebody is going to harm it.
pub(crate) struct OnKafka {
    topic: String,
    harmed: AtomicBool,
    own: OnceLock<Own>,
}

/// How many lanes the suite's stores have.
const LANES: u16 = 8;

impl OnKafka {
    pub(crate) fn new() -> Self {
        Self { topic: topic(), harmed: AtomicBool::new(false), own: OnceLock::new() }
    }

    /// Where the store of this fixture is.
    async fn url(&self) -> String {
        if !self.harmed.load(Ordering::SeqCst) {
            return aside(Kafka::shared).await.expect("a server").url();
        }
        if self.own.get().is_none() {
            let own = aside(Own::start).await;
            assert!(self.own.set(own).is_ok(), "one opening at a time");
        }
        self.own().url()
    }

    /// What a store of this fixture is opened with.
    pub(crate) async fn options(&self) -> KafkaOptions {
        let mut options = KafkaOptions::from_url(&self.url().await).expect("a URL");
        options.topic.clone_from(&self.topic);
        options.lanes = LANES;
        options
    }

    fn own(&self) -> &Own {
        self.own.get().expect("the store was opened before its server is harmed")
    }

    /// The topic as somebody else sees it, who goes to the server itself.
    fn past(&self) -> Past {
        Past::new(self.own().direct(), &self.topic, LANES)
    }
}

impl Default for OnKafka {
    fn default() -> Self {
        Self::new()
    }
}

/// A topic that nobody else has.
pub(crate) fn topic() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[async_trait::async_trait]
impl Fixture for OnKafka {
    fn name(&self) -> Option<&'static str> {
        Some("kafka")
    }

    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let mut options = self.options().await;
        assert_eq!(setup.lanes, LANES);
        options.retention = setup.retention;
        options.clock = Arc::clone(&setup.clock);
        Arc::new(KafkaStore::open(options).await.expect("the store opens"))
    }

    fn time(&self) -> Time {
        Time::Real
    }

    fn faults(&self) -> Option<&dyn Faults> {
        self.harmed.store(true, Ordering::SeqCst);
        Some(self)
    }
}
