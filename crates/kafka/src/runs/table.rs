//! The records in memory.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use headwater_events::{Lane, Position, StreamName, Tenant, lane_of};
use headwater_store::{Record, RunRecord};

use super::saved::Saved;
use crate::names::{run_key, run_of};

/// The record of every run of which something is kept.
#[derive(Debug)]
pub(crate) struct Runs {
    lanes: u16,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    runs: BTreeMap<String, Entry>,
    /// By lane.
    unsaved: Vec<Unsaved>,
}

#[derive(Debug, Default, Clone)]
struct Unsaved {
    /// Runs that have changed since they were saved here.
    keys: Vec<String>,
    /// Up to where the lane's runs are saved, by whoever did it.
    mark: Position,
}

#[derive(Debug)]
struct Entry {
    lane: Lane,
    record: RunRecord,
    /// Whether it is among the unsaved.
    unsaved: bool,
    /// Under whose names it is saved.
    makers: Vec<u64>,
}

/// What is to be saved of a lane.
#[derive(Debug)]
pub(super) struct ToSave {
    /// Each run with the makers whose records it replaces.
    pub(super) runs: Vec<(String, RunRecord, Vec<u64>)>,
}

impl Runs {
    pub(crate) fn new(lanes: u16) -> Self {
        let unsaved = vec![Unsaved::default(); usize::from(lanes)];
        Self { lanes, table: Mutex::new(Table { runs: BTreeMap::new(), unsaved }) }
    }

    /// Takes the next records of a lane into account.
    pub(crate) fn follow(&self, lane: Lane, records: &[Record]) {
        let mut table = self.lock();
        let Table { runs, unsaved } = &mut *table;
        for record in records {
            let key = run_key(record.tenant(), record.event().stream());
            let entry = match runs.get_mut(&key) {
                // It was saved by somebody who was further on.
                Some(entry) if record.position() <= entry.record.last => continue,
                Some(entry) => {
                    entry.record.follow(record);
                    entry
                }
                None => runs.entry(key.clone()).or_insert(Entry {
                    lane,
                    record: RunRecord::begin(record),
                    unsaved: false,
                    makers: Vec::new(),
                }),
            };
            if !std::mem::replace(&mut entry.unsaved, true)
                && let Some(unsaved) = unsaved.get_mut(usize::from(lane.0))
            {
                unsaved.keys.push(key);
            }
        }
    }

    /// Takes into account what somebody has saved.
    pub(crate) fn take_saved(&self, saved: Saved) {
        let mut table = self.lock();
        match saved {
            Saved::Mark(lane, position) => {
                if let Some(unsaved) = table.unsaved.get_mut(usize::from(lane.0)) {
                    unsaved.mark = position;
                }
            }
            Saved::Run { maker, key, record: None } => {
                if let Some(entry) = table.runs.get_mut(&key) {
                    entry.makers.retain(|other| *other != maker);
                }
            }
            Saved::Run { maker, key, record: Some(record) } => {
                let Some((tenant, stream)) = run_of(&key) else { return };
                let lane = lane_of(tenant.as_str(), stream.as_str(), self.lanes);
                let entry = table.runs.entry(key).or_insert(Entry {
                    lane,
                    record,
                    unsaved: false,
                    makers: Vec::new(),
                });
                if record.last > entry.record.last {
                    entry.record = record;
                }
                if !entry.makers.contains(&maker) {
                    entry.makers.push(maker);
                }
            }
        }
    }

    /// Up to where the runs of a lane are saved.
    pub(crate) fn mark(&self, lane: Lane) -> Position {
        self.lock().unsaved.get(usize::from(lane.0)).map_or(Position::ZERO, |unsaved| unsaved.mark)
    }

    /// The unsaved runs of a lane, which from then on count as saved.
    pub(super) fn take_unsaved(&self, lane: Lane) -> ToSave {
        let mut table = self.lock();
        let Table { runs, unsaved } = &mut *table;
        let Some(unsaved) = unsaved.get_mut(usize::from(lane.0)) else { return ToSave { runs: Vec::new() } };
        let keys = std::mem::take(&mut unsaved.keys);
        let to_save = keys.into_iter().filter_map(|key| {
            let entry = runs.get_mut(&key)?;
            entry.unsaved = false;
            // Somebody else has saved it since.
            (entry.record.last > unsaved.mark).then(|| (key, entry.record, entry.makers.clone()))
        });
        ToSave { runs: to_save.collect() }
    }

    /// They were not saved after all.
    pub(super) fn give_back(&self, lane: Lane, to_save: ToSave) {
        let mut table = self.lock();
        let Table { runs, unsaved } = &mut *table;
        let Some(unsaved) = unsaved.get_mut(usize::from(lane.0)) else { return };
        for (key, ..) in to_save.runs {
            if let Some(entry) = runs.get_mut(&key)
                && !std::mem::replace(&mut entry.unsaved, true)
            {
                unsaved.keys.push(key);
            }
        }
    }

    /// Forgets the runs of a lane of which nothing is left, and gives them with those who have saved them.
    pub(super) fn forget_removed(&self, lane: Lane, low: Position) -> Vec<(String, Vec<u64>)> {
        let gone = |entry: &Entry| entry.lane == lane && entry.record.last <= low;
        let mut table = self.lock();
        table.runs.extract_if(.., |_, entry| gone(entry)).map(|(key, entry)| (key, entry.makers)).collect()
    }

    pub(crate) fn get(&self, tenant: &Tenant, stream: &StreamName) -> Option<RunRecord> {
        self.lock().runs.get(&run_key(tenant.as_str(), stream.as_str())).map(|entry| entry.record)
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
            .runs
            .range((Bound::Excluded(from), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter_map(|(key, entry)| Some((run_of(key)?.1, entry.lane, entry.record)))
            .take(limit)
            .collect()
    }

    /// Poison cannot leave it half changed in a way that matters.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
