//! The records of the runs that were written last.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use headwater_store::{Error, RunRecord};

use crate::{
    codec,
    engine::storage,
    late::{Growth, Late, PLACES},
    view::View,
};

/// A bounded cache: what was used lately is in `young`, what was used before that in `old`.
pub(super) struct RunCache {
    young: HashMap<Bytes, RunRecord>,
    old: HashMap<Bytes, RunRecord>,
    /// Runs whose records in the database lag behind.
    late: Arc<Late>,
    /// How many slips were written since the records caught up.
    slips: u8,
}

const MAX: usize = 8192;

impl RunCache {
    pub(super) fn new(late: Arc<Late>) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), late, slips: 0 }
    }

    /// The place of the next slip; none where the records must catch up first.
    pub(super) fn next_slip(&self) -> Option<u8> {
        Some(self.slips).filter(|&slips| slips < PLACES)
    }

    /// The runs whose records in the database lag behind.
    pub(super) fn late(&self) -> impl Iterator<Item = Bytes> + use<> {
        self.late.all().into_keys()
    }

    /// A slip was written.
    pub(super) fn add_late(&mut self, grown: Vec<(Bytes, Growth)>) {
        self.slips += 1;
        self.late.add(grown);
    }

    /// The records have caught up.
    pub(super) fn caught_up(&mut self) {
        self.slips = 0;
        self.late.clear();
    }

    /// The record of a run, from the database if need be.
    pub(super) fn get(&mut self, view: &Arc<View>, run: &Bytes) -> Result<Option<RunRecord>, Error> {
        if let Some(record) = self.young.get(run) {
            return Ok(Some(*record));
        }
        let found = match self.old.get(run) {
            Some(record) => Some(*record),
            None => self.load(view, run)?,
        };
        if let Some(record) = found {
            self.put(run.clone(), record);
        }
        Ok(found)
    }

    pub(super) fn put(&mut self, run: Bytes, record: RunRecord) {
        if self.young.len() >= MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(run, record);
    }

    pub(super) fn forget(&mut self, run: &[u8]) {
        self.young.remove(run);
        self.old.remove(run);
    }

    /// Forgets everything: the database was opened again.
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.caught_up();
    }

    fn load(&self, view: &View, run: &[u8]) -> Result<Option<RunRecord>, Error> {
        let Some(value) = view.engine.runs.get(run).map_err(storage)? else {
            return Ok(None);
        };
        let mut record = codec::decode_run(&value)?;
        self.late.get(run).map(|late| late.grow(&mut record));
        Ok(Some(record))
    }
}
