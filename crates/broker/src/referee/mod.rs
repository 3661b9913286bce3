//! Strict publish: an event that breaks the rules of its run is refused.
//!
//! The checker is a pure fold over a run's events, so its state is rebuilt from the log when a run is met for the
//! first time and kept for the runs that are published to. Checking and storing must be one step for a run, or two
//! publishers could both be right: they take turns, run by run, and only in tenants that are strict. On a log that other
//! processes write to as well, what they stored is read before each judgement; two processes that publish to one run
//! at the same moment may still both be right.
//!
//! A publisher that sends again what was stored must get its answer, not a refusal: events whose (source, id) the run
//! has lately seen are not judged again.

mod run;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use headwater_events::{Scope, StreamName, Tenant};
use headwater_store::{Append, Store};
use tokio::sync::OwnedMutexGuard;

use crate::{BrokerConfig, Error, Policy};
use run::{Mark, Run};

/// How many runs are kept between publishes; a run beyond them is read again.
const MAX_RUNS: usize = 1_024;

type Key = (Tenant, StreamName);

/// Judges the batches of strict tenants.
pub(crate) struct Referee {
    store: Arc<dyn Store>,
    runs: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<Run>>>>,
}

/// A batch that was found right: hold it until its events are stored, then say so.
///
/// Dropped without a word (the store failed, or the publisher went away), the outcome is not known and the runs are
/// read again: nothing of them is in their places before [`Verdict::stored`].
#[derive(Default)]
pub(crate) struct Verdict {
    turns: Vec<Turn>,
    /// Where the batch has brought the runs is what the log has: nobody else writes to it.
    keeps: bool,
}

/// One run in the hands of one publisher.
struct Turn {
    place: OwnedMutexGuard<Run>,
    /// Taken out of its place.
    run: Run,
    before: Mark,
}

impl Verdict {
    /// The events were stored: the runs stand where the batch has brought them.
    pub(crate) fn stored(self) {
        if !self.keeps {
            // Read from the log with the next batch, in its place among those of others.
            return self.refused();
        }
        for mut turn in self.turns {
            *turn.place = turn.run;
        }
    }

    /// Nothing of the batch will be stored: the runs stand where they stood.
    fn refused(self) {
        for mut turn in self.turns {
            turn.run.back_to(turn.before);
            *turn.place = turn.run;
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
        let shared = self.store.capabilities().shared;
        // In the order of their names, so that two batches never wait for each other.
        let keys: BTreeSet<Key> = batch
            .iter()
            .filter(|append| config.policy_of(&append.tenant) == Policy::Strict)
            .map(|append| (append.tenant.clone(), append.stream.clone()))
            .collect();
        let mut turns = BTreeMap::new();
        for key in keys {
            let place = Arc::clone(self.runs().entry(key.clone()).or_default());
            let mut place = place.lock_owned().await;
            if !place.is_read() || shared {
                place.read(&self.store, &Scope::Stream(key.0.clone(), key.1.clone())).await?;
            }
            let (before, run) = (place.mark(), std::mem::take(&mut *place));
            turns.insert(key, Turn { place, run, before });
        }
        let wrong = batch.iter().enumerate().find_map(|(index, append)| {
            let turn = turns.get_mut(&(append.tenant.clone(), append.stream.clone()))?;
            let error = turn.run.judge(&append.event, &mut turn.before).err()?;
            Some(Error::InvalidEvent { index, error })
        });
        let verdict = Verdict { turns: turns.into_values().collect(), keeps: !shared };
        match wrong {
            Some(error) => {
                verdict.refused();
                Err(error)
            }
            None => Ok(verdict),
        }
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
