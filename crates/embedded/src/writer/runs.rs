//! The records of the runs that were written last.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use headwater_store::{Error, RunRecord};

use crate::{codec, engine::storage, view::View};

/// A bounded cache: what was used lately is in `young`, what was used before that in `old`.
#[derive(Default)]
pub(super) struct RunCache {
    young: HashMap<Bytes, RunRecord>,
    old: HashMap<Bytes, RunRecord>,
}

const MAX: usize = 8192;

impl RunCache {
    /// The record of a run, from the database if need be.
    pub(super) fn get(&mut self, view: &Arc<View>, run: &Bytes) -> Result<Option<RunRecord>, Error> {
        if let Some(record) = self.young.get(run) {
            return Ok(Some(*record));
        }
        let found = match self.old.get(run) {
            Some(record) => Some(*record),
            None => load(view, run)?,
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

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The record of a run from the database.
pub(super) fn load(view: &View, run: &[u8]) -> Result<Option<RunRecord>, Error> {
    view.engine.runs.get(run).map_err(storage)?.map(|value| codec::decode_run(&value)).transpose()
}
