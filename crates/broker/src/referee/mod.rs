//! Strict publish: an event that breaks the rules of its run is refused.
//!
//! The checker is a pure fold over a run's events, so its state is rebuilt from the log when a run is met for the
//! first time and kept for the runs that are published to. Checking and storing must be one step for a run, or two
//! publishers could both be right: they take turns, run by run, and only in tenants that are strict.
//!
//! A publisher that sends again what was stored must get its answer, not a refusal: events whose (source, id) the run
//! has lately seen are not judged again.

mod run;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use headwater_events::{Scope, StreamName, Tenant};
use headwater_store::{Append, Store};
use tokio::sync::OwnedMutexGuard;

use crate::{BrokerConfig, Error, Policy};
use run::Run;

/// How many runs are kept between publishes; a run beyond them is read again.
const MAX_RUNS: usize = 4_096;

type Key = (Tenant, StreamName);

/// Judges the batches of strict tenants.
pub(crate) struct Referee {
    store: Arc<dyn Store>,
    runs: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<Run>>>>,
}

/// A batch that was found right: hold it until its events are stored, then say so.
#[derive(Default)]
pub(crate) struct Verdict(Vec<(OwnedMutexGuard<Run>, Run)>);

impl Verdict {
    /// The events were stored: the runs stand where the batch has brought them.
    pub(crate) fn stored(self) {
        for (mut kept, after) in self.0 {
            *kept = after;
        }
    }

    /// It is not known what was stored: the runs are read again.
    pub(crate) fn unknown(self) {
        for (mut kept, _) in self.0 {
            *kept = Run::default();
        }
    }
}

impl Referee {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, runs: Mutex::default() }
    }

    /// Checks the events of strict tenants in their order.
    ///
    /// # Errors
    /// The first event that breaks a rule, with its index in the batch.
    pub(crate) async fn judge(&self, batch: &[Append], config: &BrokerConfig) -> Result<Verdict, Error> {
        // In the order of their names, so that two batches never wait for each other.
        let mut turns: BTreeMap<Key, Option<(OwnedMutexGuard<Run>, Run)>> = batch
            .iter()
            .filter(|append| config.policy_of(&append.tenant) == Policy::Strict)
            .map(|append| ((append.tenant.clone(), append.stream.clone()), None))
            .collect();
        for (key, turn) in &mut turns {
            let run = Arc::clone(self.runs().entry(key.clone()).or_default());
            let mut run = run.lock_owned().await;
            if !run.is_read() {
                *run = Run::read(&self.store, &Scope::Stream(key.0.clone(), key.1.clone())).await?;
            }
            let after = run.clone();
            *turn = Some((run, after));
        }
        for (index, append) in batch.iter().enumerate() {
            let key = (append.tenant.clone(), append.stream.clone());
            if let Some(Some((_, run))) = turns.get_mut(&key) {
                run.judge(&append.event).map_err(|error| Error::InvalidEvent { index, error })?;
            }
        }
        Ok(Verdict(turns.into_values().flatten().collect()))
    }

    /// A run was deleted: whatever is published to it next begins anew.
    pub(crate) fn forget(&self, tenant: &Tenant, stream: &StreamName) {
        self.runs().remove(&(tenant.clone(), stream.clone()));
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<Key, Arc<tokio::sync::Mutex<Run>>>> {
        // Nothing under this lock can panic half-way through a change.
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= MAX_RUNS {
            // Those in somebody's hands stay: they are being changed.
            runs.retain(|_, run| Arc::strong_count(run) > 1);
        }
        runs
    }
}
