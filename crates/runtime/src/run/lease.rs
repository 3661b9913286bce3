//! One process works on a run.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use headwater_events::{StreamName, Tenant};
use headwater_store::{Error, StateEntry, StateStore, Version};
use serde::{Deserialize, Serialize};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::RunError;

/// The right to work on a run: a value that its owner changes all the time.
///
/// Another process takes it over only after it has stood unchanged for its whole length on that process's own clock; so no
/// two clocks have to agree. A process that could not change it for that long has lost it.
pub(crate) struct Lease {
    key: String,
    state: Arc<dyn StateStore>,
    held: Arc<Mutex<Option<Version>>>,
    lost: CancellationToken,
    beat: JoinHandle<()>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    owner: Uuid,
    length_ms: u64,
    beats: u64,
}

impl Held {
    fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

impl Lease {
    /// Takes the lease of a run. Where somebody has it, it waits for as long as that lease is long, to see whether they live.
    ///
    /// # Errors
    /// [`RunError::Leased`].
    pub(crate) async fn take(
        state: Arc<dyn StateStore>,
        tenant: &Tenant,
        run: &StreamName,
        length: Duration,
    ) -> Result<Self, RunError> {
        let key = format!("run/{tenant}/{run}");
        let leased = || RunError::Leased { run: run.to_string() };
        let held = Held { owner: Uuid::now_v7(), length_ms: crate::millis(length), beats: 0 };
        let expected = match state.get(&key).await? {
            None => None,
            Some(entry) => watch(&*state, &key, entry, length).await?.ok_or_else(leased)?,
        };
        let version = match state.put(&key, held.bytes(), expected).await {
            Ok(version) => version,
            Err(Error::Conflict { .. }) => return Err(leased()),
            Err(error) => return Err(error.into()),
        };
        let (lost, versions) = (CancellationToken::new(), Arc::new(Mutex::new(Some(version))));
        let beat = Beat {
            key: key.clone(),
            state: Arc::clone(&state),
            held,
            version,
            versions: Arc::clone(&versions),
            lost: lost.clone(),
            length,
        };
        Ok(Self { key, state, held: versions, lost, beat: tokio::spawn(beat.run()) })
    }

    /// Whether another process may have it.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Cancelled when another process may have it.
    pub(crate) const fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Gives it back, so that nobody has to wait.
    pub(crate) async fn release(self) {
        self.beat.abort();
        // A beat that was under way has changed the version or not: then the lease runs out by itself.
        let version = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(version) = version.filter(|_| !self.is_lost())
            && let Err(error) = self.state.delete(&self.key, version).await
        {
            tracing::debug!(key = self.key, "the lease runs out by itself: {error}");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

/// What a taker must find: the version that a lease still has after its whole length, or nothing where it was given back
/// meanwhile. `None` where its owner lives.
async fn watch(
    state: &dyn StateStore,
    key: &str,
    entry: StateEntry,
    length: Duration,
) -> Result<Option<Option<Version>>, Error> {
    let theirs = serde_json::from_slice::<Held>(&entry.value);
    let length = theirs.map_or(length, |held| Duration::from_millis(held.length_ms));
    tokio::time::sleep(length).await;
    let now = state.get(key).await?;
    Ok(match now {
        None => Some(None),
        Some(now) if now.version == entry.version => Some(Some(now.version)),
        Some(_) => None,
    })
}

/// Keeps a lease alive.
struct Beat {
    key: String,
    state: Arc<dyn StateStore>,
    held: Held,
    version: Version,
    versions: Arc<Mutex<Option<Version>>>,
    lost: CancellationToken,
    length: Duration,
}

impl Beat {
    async fn run(mut self) {
        let mut until = Instant::now() + self.length;
        loop {
            tokio::time::sleep(self.length / 3).await;
            self.held.beats += 1;
            let asked = Instant::now();
            let put = self.state.put(&self.key, self.held.bytes(), Some(self.version));
            match tokio::time::timeout_at(until, put).await {
                Ok(Ok(version)) => {
                    self.version = version;
                    *self.versions.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
                    // As long as it takes from when it was asked for: others may have seen it at once.
                    until = asked + self.length;
                }
                Ok(Err(Error::Conflict { found, .. })) if !self.is_mine(found).await => break,
                Ok(Err(error)) if Instant::now() < until => {
                    tracing::warn!(key = self.key, "the lease was not renewed, it is tried again: {error}");
                }
                Ok(Err(_)) | Err(_) => break,
            }
        }
        self.lost.cancel();
    }

    /// Whether the value there is one of ours, whose answer was lost.
    async fn is_mine(&mut self, found: Option<Version>) -> bool {
        let Ok(Some(entry)) = self.state.get(&self.key).await else { return false };
        let mine =
            serde_json::from_slice::<Held>(&entry.value).is_ok_and(|held| held.owner == self.held.owner);
        if mine && Some(entry.version) == found {
            self.version = entry.version;
        }
        mine
    }
}
