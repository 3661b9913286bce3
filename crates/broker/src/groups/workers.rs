//! Who takes part in a group, and how many lanes each is to have.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bytes::Bytes;
use headwater_store::{Error as StoreError, StateEntry, Store, Version};
use tokio::time::Instant;

use super::{codec, keys};
use crate::{
    Error,
    api::groups::{Group, WorkerName},
};

const VERSION: u8 = 1;

/// The workers of a group as one process knows them.
#[derive(Default)]
pub(super) struct Workers {
    /// Those that ask this process for work.
    pub(super) here: BTreeMap<WorkerName, Here>,
    /// Every worker's value, and since when it has stood unchanged by this process's own clock.
    seen: HashMap<WorkerName, (Version, Instant, u64)>,
}

/// A worker that asks this process.
pub(super) struct Here {
    pub(super) session: u64,
    pub(super) heard: Instant,
    version: Option<Version>,
    beat: u64,
    beaten: Option<Instant>,
}

impl Workers {
    /// A worker was heard of. Gives whether it is new here.
    pub(super) fn hear(&mut self, worker: &WorkerName, session: u64, now: Instant) -> bool {
        if let Some(here) = self.here.get_mut(worker) {
            here.heard = now;
            here.session = session;
            return false;
        }
        let here = Here { session, heard: now, version: None, beat: 0, beaten: None };
        self.here.insert(worker.clone(), here);
        true
    }

    /// The session that goes by a name, if it lives and is not this one.
    pub(super) fn other_session(
        &self,
        worker: &WorkerName,
        session: u64,
        now: Instant,
        lease: Duration,
    ) -> bool {
        if let Some(here) = self.here.get(worker) {
            return here.session != session && now < here.heard + lease;
        }
        self.seen.get(worker).is_some_and(|(_, since, other)| *other != session && now < *since + lease)
    }

    /// Takes what is stored of the workers.
    pub(super) fn look(&mut self, stored: &HashMap<WorkerName, StateEntry>, now: Instant) {
        self.seen.retain(|worker, _| stored.contains_key(worker));
        for (worker, entry) in stored {
            let session = session_of(&entry.value).unwrap_or_default();
            let seen = self.seen.entry(worker.clone()).or_insert((entry.version, now, session));
            if seen.0 != entry.version {
                *seen = (entry.version, now, session);
            }
            if let Some(here) = self.here.get_mut(worker)
                && here.version != Some(entry.version)
            {
                // Another process has heard of it.
                if here.version.is_some() {
                    here.heard = now;
                }
                here.version = Some(entry.version);
            }
        }
    }

    /// How many lanes a worker is to have: an equal share among those that live.
    pub(super) fn share(&self, worker: &WorkerName, lanes: u16, now: Instant, lease: Duration) -> usize {
        let alive = |since: Instant| now < since + lease;
        let mut names: Vec<_> =
            self.seen.iter().filter(|(_, (_, since, _))| alive(*since)).map(|(n, _)| n).collect();
        names.extend(self.here.keys());
        names.sort();
        names.dedup();
        let count = names.len().max(1);
        let rank = names.iter().position(|name| *name == worker).unwrap_or(0);
        usize::from(lanes) / count + usize::from(rank < usize::from(lanes) % count)
    }

    /// Says in the store that the workers here live, each as often as a third of a lease.
    pub(super) async fn beat(
        &mut self,
        store: &dyn Store,
        group: &Group,
        now: Instant,
        lease: Duration,
    ) -> Result<(), Error> {
        for (worker, here) in &mut self.here {
            if here.beaten.is_some_and(|at| now < at + lease / 3) {
                continue;
            }
            here.beat += 1;
            let value = value(here.session, here.beat);
            match store.put(&keys::worker(group, worker), value, here.version).await {
                Ok(version) => {
                    here.version = Some(version);
                    here.beaten = Some(now);
                    self.seen.insert(worker.clone(), (version, now, here.session));
                }
                // Somebody else has said so: it is looked at again.
                Err(StoreError::Conflict { found, .. }) => here.version = found,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A worker goes.
    pub(super) async fn leave(
        &mut self,
        store: &dyn Store,
        group: &Group,
        worker: &WorkerName,
    ) -> Result<(), Error> {
        let here = self.here.remove(worker);
        let seen = self.seen.remove(worker);
        let version = here.and_then(|here| here.version).or(seen.map(|(version, ..)| version));
        let Some(version) = version else { return Ok(()) };
        match store.delete(&keys::worker(group, worker), version).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The workers here that have not been heard of for a lease.
    pub(super) fn silent(&self, now: Instant, lease: Duration) -> Vec<WorkerName> {
        self.here
            .iter()
            .filter(|(_, here)| here.heard + lease <= now)
            .map(|(worker, _)| worker.clone())
            .collect()
    }

    /// Values of workers that have stood unchanged for several leases: nobody needs them.
    pub(super) fn stale(&self, now: Instant, lease: Duration) -> Vec<(WorkerName, Version)> {
        let old = self
            .seen
            .iter()
            .filter(|(worker, (_, since, _))| !self.here.contains_key(*worker) && *since + lease * 3 <= now);
        old.map(|(worker, (version, ..))| (worker.clone(), *version)).collect()
    }
}

fn value(session: u64, beat: u64) -> Bytes {
    let mut out = codec::Writer::new(VERSION);
    out.number(session).number(beat);
    out.finish()
}

fn session_of(value: &[u8]) -> Option<u64> {
    codec::Reader::new(value, VERSION)?.number()
}
