//! The suite assumes nothing of positions but their order: stores with holes in their numbers, and with a numbering a
//! lane, pass it.

use std::sync::Arc;

use headwater_store::{
    MemoryOptions, MemoryStore, Store,
    suite::{
        Fixture, Setup,
        shape::{Shape, Shaped},
    },
};

struct Odd(Shape);

#[async_trait::async_trait]
impl Fixture for Odd {
    fn name(&self) -> Option<&'static str> {
        Some(if self.0 == Shape::Sparse { "sparse" } else { "laned" })
    }

    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let inner = MemoryStore::new(MemoryOptions {
            retention: setup.retention,
            lanes: setup.lanes,
            dedup_window: Some(setup.dedup_window),
            clock: Arc::clone(&setup.clock),
            ..MemoryOptions::default()
        });
        Arc::new(Shaped::new(Arc::new(inner), self.0))
    }
}

mod sparse {
    use super::{Odd, Shape};
    headwater_store::store_suite!(Odd(Shape::Sparse));
}

mod laned {
    use super::{Odd, Shape};
    headwater_store::store_suite!(Odd(Shape::Laned));
}
