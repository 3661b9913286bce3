//! How the suite gets its stores.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Faults;
use crate::{Clock, Retention, Store};

/// How a store is to be opened.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where the store takes its time from: the clause moves it (with [`Time::Real`]: the machine's clock).
    pub clock: Arc<dyn Clock>,
    /// What it keeps.
    pub retention: Retention,
    /// How many lanes it is created with.
    pub lanes: u16,
    /// The dedup window, where the store has one.
    pub dedup_window: Duration,
}

/// Whose clock a store goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// That of [`Setup::clock`], everywhere: clauses move it.
    Manual,
    /// A server's own, at least for some of stamps, ages and the dedup window: clauses open the store with limits of a
    /// second or two and wait. [`Setup::clock`] is the machine's then.
    Real,
}

/// A place where one store lives: empty when the fixture is made, removed with it.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// Opens the store. Called again after the store was closed or crashed: a durable one has everything it had.
    async fn open(&self, setup: &Setup) -> Arc<dyn Store>;

    /// What the store is called in the report of the run: by default the package of the test, without its prefix.
    fn name(&self) -> Option<&'static str> {
        None
    }

    /// Whether what the store stands on is installed. Where it is not, nothing is tried, and the fixture itself says so.
    fn is_there(&self) -> bool {
        true
    }

    /// Whose clock the store goes by.
    fn time(&self) -> Time {
        Time::Manual
    }

    /// What can be done to the server behind the store, if there is one.
    ///
    /// A clause asks before it opens the store, and only if it will do harm: a fixture that shares one server among
    /// clauses takes one of its own from then on, behind a proxy, so that nobody else is hit.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }

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
