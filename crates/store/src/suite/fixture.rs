//! How the suite gets its stores.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{Clock, Retention, Store};

/// How a store is to be opened.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where the store takes its time from: the clause moves it.
    pub clock: Arc<dyn Clock>,
    /// What it keeps.
    pub retention: Retention,
    /// How many lanes it is created with.
    pub lanes: u16,
    /// The dedup window, where the store has one.
    pub dedup_window: Duration,
}

/// A place where one store lives: empty when the fixture is made, removed with it.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// Opens the store. Called again after the store was closed or crashed: a durable one has everything it had.
    async fn open(&self, setup: &Setup) -> Arc<dyn Store>;

    /// Ends a store as the end of its process would, without closing it, so that it can be opened again: appends that
    /// run fail or are never heard of. Gives `false`, having done nothing, where the fixture cannot do that.
    async fn crash(&self, store: &Arc<dyn Store>) -> bool {
        let _ = store;
        false
    }

    /// Makes every write fail until it is called again with `false`. Gives `false`, having done nothing, where the
    /// fixture cannot do that.
    fn fail_writes(&self, fail: bool) -> bool {
        let _ = fail;
        false
    }
}
