//! The suite every store must pass: each clause of the contract as a test.
//!
//! A store's tests say how one is opened and list nothing:
//!
//! ```
//! use std::sync::Arc;
//! use headwater_store::{MemoryOptions, MemoryStore, Store, suite::{Fixture, Setup}};
//!
//! struct Mine;
//!
//! #[async_trait::async_trait]
//! impl Fixture for Mine {
//!     async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
//!         Arc::new(MemoryStore::new(MemoryOptions { clock: Arc::clone(&setup.clock), ..MemoryOptions::default() }))
//!     }
//! }
//!
//! headwater_store::store_suite!(Mine);
//! # fn main() {}
//! ```
//!
//! Every clause gets its own fixture, so that clauses may run side by side. What a store does not declare in its
//! [`Capabilities`](crate::Capabilities) is tested to fail with `Unsupported`, and clauses that need it are skipped and
//! say so ([`report`] collects it). Clauses that draw numbers print the seed; `HEADWATER_SEED` sets it.

pub mod close;
pub mod content;
pub mod dedup;
pub mod durable;
pub mod faults;
pub mod follow;
pub mod gaps;
pub mod join;
pub mod order;
pub mod read;
pub mod remove;
pub mod report;
pub mod retention;
pub mod runs;
pub mod state;

mod case;
mod checks;
mod fixture;
mod harm;
mod list;
mod outage;
mod rng;
mod shaped;
mod sparse;
mod turn;
mod view;

pub use case::Case;
pub use fixture::{Fixture, Setup, Time};
pub use harm::{Faults, Harm};
pub use outage::{an_outage_is_told, metric};
use report::Report;
pub use shaped::{Shape, Shaped};
pub use sparse::Sparse;
pub use turn::Turn;

use std::{future::Future, time::Duration};

/// How long a clause may take before it counts as hanging.
const CLAUSE_TIMEOUT: Duration = Duration::from_secs(120);
/// The same for clauses that wait for servers to come back.
const FAULT_TIMEOUT: Duration = Duration::from_secs(900);

/// Runs one clause on a runtime of its own: what [`store_suite!`](crate::store_suite) expands to.
///
/// # Panics
/// When the clause does not hold, or hangs.
pub fn run<F: Future<Output = ()>>(name: [&str; 3], fixture: impl Fixture, clause: impl FnOnce(Case) -> F) {
    let [package, group, clause_name] = name;
    let store = fixture.name().unwrap_or(package.strip_prefix("headwater-").unwrap_or(package));
    if !fixture.is_there() {
        return;
    }
    let _turn = Turn::of(group);
    let report = Report::begin("store", store, group, clause_name);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime for the clause");
    let case = Case::new(Box::new(fixture));
    let limit = if group == "faults" { FAULT_TIMEOUT } else { CLAUSE_TIMEOUT };
    let clause = async { tokio::time::timeout(limit, clause(case)).await };
    let done = runtime.block_on(report.watch(clause));
    // A store that was not closed may hold threads: they must not keep the test.
    runtime.shutdown_timeout(Duration::from_secs(5));
    assert!(done.is_ok(), "the clause hangs");
    report.held();
}
