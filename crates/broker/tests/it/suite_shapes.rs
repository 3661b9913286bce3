//! The broker's suite over stores in memory that are numbered by lane, or followed by tenant.

use std::sync::Arc;

use async_trait::async_trait;
use headwater_broker::suite::{OpenStore, OverStore, Setup};
use headwater_store::{
    MemoryOptions, Store,
    suite::{Shape, Shaped},
};

fn open(shape: Shape, setup: &Setup) -> Arc<dyn Store> {
    let options = MemoryOptions {
        retention: setup.retention,
        clock: Arc::new(setup.clock.clone()),
        ..MemoryOptions::default()
    };
    Arc::new(Shaped::new(shape, &options))
}

mod by_tenant {
    use super::*;

    #[derive(Default)]
    struct ByTenant;

    #[async_trait]
    impl OpenStore for ByTenant {
        async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
            open(Shape::ByTenant, setup)
        }
    }

    headwater_broker::broker_suite!(OverStore::<ByTenant>::new());
}

mod by_lane {
    use super::*;

    #[derive(Default)]
    struct ByLane;

    #[async_trait]
    impl OpenStore for ByLane {
        async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
            open(Shape::ByLane, setup)
        }
    }

    headwater_broker::broker_suite!(OverStore::<ByLane>::new());
}
