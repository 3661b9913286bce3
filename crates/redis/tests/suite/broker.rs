//! The broker's suite over a real Redis.

use std::sync::Arc;

use async_trait::async_trait;
use headwater_broker::suite::{OpenStore, OverStore, Setup};
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{
    Store,
    suite::{Faults, Fixture},
};

#[derive(Default)]
struct Place(crate::common::Place);

#[async_trait]
impl OpenStore for Place {
    fn name() -> String {
        "redis".to_owned()
    }

    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = RedisOptions {
            namespace: self.0.namespace().to_owned(),
            retention: setup.retention,
            clock: Some(Arc::new(setup.clock.clone())),
            ..RedisOptions::default()
        };
        Arc::new(RedisStore::connect(&self.0.url(), options).await.unwrap())
    }

    fn faults(&self) -> Option<&dyn Faults> {
        self.0.faults()
    }
}

headwater_broker::broker_suite!(OverStore::<Place>::new());
