//! The broker's suite over a real Redis.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use headwater_broker::suite::{OpenStore, OverStore, Setup};
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::Store;

#[derive(Default)]
struct Place(common::Place);

#[async_trait]
impl OpenStore for Place {
    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = RedisOptions {
            namespace: self.0.namespace().to_owned(),
            retention: setup.retention,
            clock: Some(Arc::new(setup.clock.clone())),
            ..RedisOptions::default()
        };
        Arc::new(RedisStore::connect(&self.0.url(), options).await.unwrap())
    }
}

headwater_broker::broker_suite!(OverStore::<Place>::new());
