//! The broker's suite through the client: a gateway over the embedded log.

use std::sync::Arc;

use crate::support::OverHttp;
use async_trait::async_trait;
use headwater_broker::suite::{OpenStore, Setup};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_store::Store;
use tempfile::TempDir;

struct Embedded(TempDir);

impl Default for Embedded {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl OpenStore for Embedded {
    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = EmbeddedOptions {
            retention: setup.retention,
            clock: Arc::new(setup.clock.clone()),
            ..EmbeddedOptions::default()
        };
        Arc::new(EmbeddedStore::open(self.0.path(), options).await.unwrap())
    }
}

headwater_broker::broker_suite!(OverHttp::<Embedded>::new());
