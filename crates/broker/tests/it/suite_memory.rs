//! The broker's suite over the memory store.

use std::sync::Arc;

use async_trait::async_trait;
use headwater_broker::suite::{OpenStore, OverStore, Setup};
use headwater_store::{MemoryOptions, MemoryStore, Store};

#[derive(Default)]
struct Memory;

#[async_trait]
impl OpenStore for Memory {
    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = MemoryOptions {
            retention: setup.retention,
            clock: Arc::new(setup.clock.clone()),
            ..MemoryOptions::default()
        };
        Arc::new(MemoryStore::new(options))
    }
}

headwater_broker::broker_suite!(OverStore::<Memory>::new());
