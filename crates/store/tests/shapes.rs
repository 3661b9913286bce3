//! The suite assumes nothing of positions but their order: stores with holes in their numbers, and with a numbering a
//! lane, pass it.

use std::sync::Arc;

use headwater_store::{
    MemoryOptions, Store,
    suite::{Fixture, Setup, Shape, Shaped, Sparse},
};

fn options(setup: &Setup) -> MemoryOptions {
    MemoryOptions {
        retention: setup.retention,
        lanes: setup.lanes,
        dedup_window: Some(setup.dedup_window),
        clock: Arc::clone(&setup.clock),
        ..MemoryOptions::default()
    }
}

mod with_holes {
    use super::*;

    struct Holes;

    #[async_trait::async_trait]
    impl Fixture for Holes {
        fn name(&self) -> Option<&'static str> {
            Some("memory with holes")
        }

        async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
            Arc::new(Sparse::new(options(setup)))
        }
    }

    headwater_store::store_suite!(Holes);
}

mod by_lane {
    use super::*;

    struct Lanes;

    #[async_trait::async_trait]
    impl Fixture for Lanes {
        fn name(&self) -> Option<&'static str> {
            Some("memory by lane")
        }

        async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
            Arc::new(Shaped::new(Shape::ByLane, &options(setup)))
        }
    }

    headwater_store::store_suite!(Lanes);
}
