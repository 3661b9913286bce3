//! A group's values in the store, read together.

use std::collections::HashMap;

use headwater_events::{Epoch, Lane, Place, Position, Tenant};
use headwater_store::{StateEntry, Store};
use serde::{Deserialize, Serialize};

use super::keys::{self, Part};
use crate::{
    Error,
    api::groups::{Group, GroupConfig, WorkerName},
};

/// What is stored of a group as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) config: GroupConfig,
    /// Which life of the group: a group that is deleted and made again has another one.
    pub(super) life: u64,
    /// Where it begins: the numbering, and one position or one a lane.
    pub(super) epoch: u32,
    pub(super) begin: Vec<u64>,
}

impl Settings {
    pub(super) fn new(config: GroupConfig, life: u64, epoch: Epoch, begin: &Place) -> Self {
        let begin = match begin {
            Place::One(position) => vec![position.0],
            Place::Lanes(lanes) => lanes.iter().map(|position| position.0).collect(),
        };
        Self { config, life, epoch: epoch.0, begin }
    }

    /// Where a lane begins. `Position::ZERO` of another numbering is that of the oldest.
    pub(super) fn begin(&self, lane: Lane) -> (Epoch, Position) {
        let at = if self.begin.len() == 1 { 0 } else { usize::from(lane.0) };
        (Epoch(self.epoch), Position(self.begin.get(at).copied().unwrap_or_default()))
    }

    pub(super) fn decode(entry: &StateEntry) -> Option<Self> {
        serde_json::from_slice(&entry.value).ok()
    }

    pub(super) fn encode(&self) -> Result<bytes::Bytes, Error> {
        let json = serde_json::to_vec(self);
        Ok(json.map_err(|error| headwater_store::Error::corrupt(None, error))?.into())
    }
}

/// Everything that is stored of a group.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) settings: Option<(Settings, StateEntry)>,
    pub(super) lanes: HashMap<Lane, StateEntry>,
    pub(super) workers: HashMap<WorkerName, StateEntry>,
    pub(super) tenants: Vec<Tenant>,
}

const PAGE: usize = 256;

impl Stored {
    pub(super) async fn read(store: &dyn Store, group: &Group) -> Result<Self, Error> {
        let prefix = keys::group(group);
        let mut stored = Self::default();
        let mut after: Option<String> = None;
        loop {
            let page = store.list(&prefix, after.as_deref(), PAGE).await?;
            let full = page.len() == PAGE;
            after = page.last().map(|entry| entry.key.clone());
            for entry in page {
                match keys::part(&entry.key[prefix.len()..]) {
                    Some(Part::Config) => {
                        stored.settings = Settings::decode(&entry).map(|settings| (settings, entry));
                    }
                    Some(Part::Lane(lane)) => {
                        stored.lanes.insert(lane, entry);
                    }
                    Some(Part::Worker(worker)) => {
                        stored.workers.insert(worker, entry);
                    }
                    Some(Part::Letters(tenant)) => stored.tenants.push(tenant),
                    None => {}
                }
            }
            if !full {
                return Ok(stored);
            }
        }
    }
}
