//! The records of runs, made from the log: every process follows all of it anyway.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use headwater_events::{Lane, StreamName, Tenant};
use headwater_store::{Record, RunRecord};

use crate::names::{run_key, run_of};

/// The record of every run of which something is kept.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<BTreeMap<String, Entry>>);

#[derive(Debug)]
struct Entry {
    lane: Lane,
    record: RunRecord,
}

impl Runs {
    /// Takes the next records of a lane into account.
    pub(crate) fn follow(&self, lane: Lane, records: &[Record]) {
        let mut runs = self.lock();
        for record in records {
            let key = run_key(record.tenant(), record.event().stream());
            match runs.get_mut(&key) {
                Some(entry) if record.position() <= entry.record.last => {}
                Some(entry) => entry.record.follow(record),
                None => drop(runs.insert(key, Entry { lane, record: RunRecord::begin(record) })),
            }
        }
    }

    pub(crate) fn get(&self, tenant: &Tenant, stream: &StreamName) -> Option<RunRecord> {
        self.lock().get(&run_key(tenant.as_str(), stream.as_str())).map(|entry| entry.record)
    }

    /// Runs of a tenant in the order of their names, with their lanes.
    pub(crate) fn list(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Vec<(StreamName, Lane, RunRecord)> {
        let prefix = run_key(tenant.as_str(), "");
        let from = run_key(tenant.as_str(), after.map_or("", StreamName::as_str));
        self.lock()
            .range((Bound::Excluded(from), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter_map(|(key, entry)| Some((run_of(key)?.1, entry.lane, entry.record)))
            .take(limit)
            .collect()
    }

    /// Poison cannot leave it half changed in a way that matters.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
