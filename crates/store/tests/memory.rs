//! The memory store passes the suite.

use std::sync::Arc;

use headwater_store::{
    MemoryOptions, MemoryStore, Store,
    suite::{Fixture, Setup},
};

struct Memory;

#[async_trait::async_trait]
impl Fixture for Memory {
    fn name(&self) -> Option<&'static str> {
        Some("memory")
    }

    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(MemoryOptions {
            retention: setup.retention,
            lanes: setup.lanes,
            dedup_window: Some(setup.dedup_window),
            clock: Arc::clone(&setup.clock),
            ..MemoryOptions::default()
        }))
    }
}

headwater_store::store_suite!(Memory);

/// A store that never recognizes a duplicate passes too: it says so.
mod without_a_window {
    use super::{Arc, Fixture, MemoryOptions, MemoryStore, Setup, Store};

    struct Memory;

    #[async_trait::async_trait]
    impl Fixture for Memory {
        fn name(&self) -> Option<&'static str> {
            Some("memory without a dedup window")
        }

        async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
            let clock = Arc::clone(&setup.clock);
            Arc::new(MemoryStore::new(MemoryOptions {
                dedup_window: None,
                lanes: setup.lanes,
                clock,
                ..MemoryOptions::default()
            }))
        }
    }

    headwater_store::store_suite!(@clauses Memory; dedup: a_second_append_is_a_duplicate; order: positions_ascend_within_and_across_calls;);
}
