//! The suite that every store must pass.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_store::{
    Store,
    suite::{Fixture, Setup},
};

/// A folder, and the stores that were opened in it.
struct Folder {
    dir: tempfile::TempDir,
    stores: Mutex<Vec<Arc<EmbeddedStore>>>,
}

impl Folder {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), stores: Mutex::default() }
    }
}

#[async_trait]
impl Fixture for Folder {
    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let options = EmbeddedOptions {
            lanes: setup.lanes,
            retention: setup.retention,
            dedup_window: setup.dedup_window,
            clock: Arc::clone(&setup.clock),
            ..EmbeddedOptions::default()
        };
        let store = Arc::new(EmbeddedStore::open(self.dir.path(), options).await.unwrap());
        self.stores.lock().unwrap().push(Arc::clone(&store));
        store
    }

    async fn crash(&self, _: &Arc<dyn Store>) -> bool {
        let store = self.stores.lock().unwrap().pop().unwrap();
        store.crash().await;
        true
    }

    fn fail_writes(&self, fail: bool) -> bool {
        self.stores.lock().unwrap().last().unwrap().fail_commits(fail);
        true
    }
}

headwater_store::store_suite!(Folder::new());
