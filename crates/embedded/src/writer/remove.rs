//! Deleting a stream.
//!
//! Its run record goes at once, and with it everything is out of sight: no event is shown without its run's record,
//! nor one that is older than its run. The events themselves are cleared away in small steps afterwards.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fjall::{OwnedWriteBatch, PersistMode};
use headwater_events::{Position, StreamName, Tenant, lane_of};
use headwater_store::Error;
use tokio::time::Instant;

use super::Writer;
use crate::{
    Fsync, buckets::Kind, codec::Reader, engine::storage, gone::Gone, keys, meta, refs::Refs, stats, value,
    view::View,
};

/// How many events are cleared away in one step.
const STEP: usize = 2_000;
/// How long publishers have the writer between two steps.
const PAUSE: Duration = Duration::from_millis(5);

impl Writer {
    /// Deletes a stream; gives whether there was one.
    pub(super) fn remove(&mut self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        let view = self.view()?;
        let run = Bytes::from(keys::run(tenant.as_str(), stream.as_str()));
        let Some(record) = self.runs.get(&view, &run)? else {
            return Ok(false);
        };
        let last = record.last;
        let mut batch = self.batch(&view);
        batch.remove(&view.engine.runs, run.clone());
        if let Some(at) = record.ended_at {
            batch.remove(&view.engine.ended, keys::ended(at, &run));
        }
        batch.insert(&view.engine.meta, meta::grave_key(&run), last.0.to_be_bytes());
        batch.insert(&view.engine.gone, run.clone(), Gone { to: last, deleted: true }.encode());
        let mut next = (*view).clone();
        next.holes = view.holes.max(last);
        meta::put_holes(&mut batch, &view.engine.meta, next.holes.0);
        self.write(batch)?;
        self.runs.forget(&run);
        self.show(next);
        self.shared.ring.forget(tenant, stream);
        self.next_clearing = Some(Instant::now());
        Ok(true)
    }

    /// Clears away some of what is out of sight.
    pub(super) fn clear_away(&mut self) {
        let more = match self.clear_some() {
            Ok(false) => self.free_some(),
            other => other,
        };
        self.next_clearing = match more {
            Ok(true) => Some(Instant::now() + PAUSE),
            Ok(false) => None,
            Err(error) => {
                tracing::warn!(%error, "what is out of sight was not cleared away");
                Some(Instant::now() + Duration::from_secs(10))
            }
        };
    }

    /// Takes one step in clearing away deleted streams, and gives whether there was one to take.
    fn clear_some(&mut self) -> Result<bool, Error> {
        let view = self.view()?;
        let Some(grave) = view.engine.meta.prefix(b"g").next() else {
            return Ok(false);
        };
        let (grave, last) = grave.into_inner().map_err(storage)?;
        let run = &grave[1..];
        let last = Reader::new(&last, "a deleted stream").position()?;
        let mut batch = self.batch(&view);
        let cleared = put_removals(&view, run, last, self.shared.identity.lanes, &mut batch)?;
        if cleared < STEP {
            batch.remove(&view.engine.meta, grave.clone());
        }
        self.cleared += cleared as u64;
        stats::add(&self.shared.counters.cleared, cleared as u64);
        meta::put_cleared(&mut batch, &view.engine.meta, self.cleared);
        self.write(batch)?;
        Ok(true)
    }

    /// A batch that is as durable as an append.
    pub(super) fn batch(&self, view: &View) -> OwnedWriteBatch {
        let mode = match self.shared.options.fsync {
            Fsync::Always => PersistMode::SyncData,
            Fsync::EveryMs(_) | Fsync::Never => PersistMode::Buffer,
        };
        OwnedWriteBatch::with_capacity(view.engine.db.clone(), 16).durability(Some(mode))
    }

    /// Commits a batch of the writer's own.
    pub(super) fn write(&mut self, batch: OwnedWriteBatch) -> Result<(), Error> {
        match batch.commit() {
            Ok(()) => {
                self.unsynced |= self.shared.options.fsync != Fsync::Always;
                Ok(())
            }
            Err(error) => {
                self.fail(&error, Vec::new());
                Err(Error::Unknown { reason: error.to_string() })
            }
        }
    }
}

/// Puts the removal of about [`STEP`] events of a run, or of all that are left, into a batch with their references.
fn put_removals(
    view: &Arc<View>,
    run: &[u8],
    last: Position,
    lanes: u16,
    batch: &mut OwnedWriteBatch,
) -> Result<usize, Error> {
    let Some((tenant, stream)) = keys::split(run) else {
        return Err(Error::corrupt(None, "a deleted stream has no name"));
    };
    let lane = lane_of(tenant, stream, lanes).0;
    let range = keys::body(run, Position::ZERO)..=keys::body(run, last);
    let mut removed = 0;
    let mut referred = Vec::new();
    for kind in [Kind::Bodies, Kind::Deltas] {
        for bucket in view.buckets.of(kind) {
            for entry in bucket.keys.range(range.clone()) {
                if removed >= STEP {
                    break;
                }
                let (key, value) = entry.into_inner().map_err(storage)?;
                let events = value::decode(&Bytes::from(value), keys::position(&key), Position::ZERO)?;
                batch.remove(&bucket.keys, key);
                removed += events.len();
                if kind == Kind::Bodies {
                    referred.extend(events.iter().map(|stored| stored.position));
                }
            }
        }
    }
    for scope in [keys::tenant(tenant, Position::ZERO), keys::lane(lane, tenant, Position::ZERO)] {
        forget_references(view, &scope, stream, last, &referred, batch)?;
    }
    Ok(removed)
}

/// Takes the references to a deleted stream's events out of the values of a scope that hold those to `referred`.
fn forget_references(
    view: &View,
    scope: &[u8],
    stream: &str,
    last: Position,
    referred: &[Position],
    batch: &mut OwnedWriteBatch,
) -> Result<(), Error> {
    let key = |position| {
        let mut key = scope.to_vec();
        keys::place(&mut key, position);
        key
    };
    let mut done = Position::ZERO;
    for &position in referred {
        let Some(bucket) = view.buckets.at(Kind::Refs, position).filter(|_| position > done) else {
            continue;
        };
        // Internal events have no reference: this may be a value that holds nothing of the stream.
        let Some(entry) = bucket.keys.range(key(position)..=key(Position::MAX)).next() else {
            continue;
        };
        let (old, value) = entry.into_inner().map_err(storage)?;
        done = keys::position(&old);
        let mut refs = Refs::decode(&Bytes::from(value), done)?;
        let before = refs.entries.len();
        let gone = refs.sources.iter().map(|source| source.stream == stream.as_bytes()).collect::<Vec<_>>();
        refs.entries.retain(|(position, source)| *position > last || !gone[*source]);
        if refs.entries.len() == before {
            continue;
        }
        // The key tells of the last reference.
        if refs.last() != Some(done) {
            batch.remove(&bucket.keys, old);
        }
        if let Some(last) = refs.last() {
            batch.insert(&bucket.keys, key(last), refs.encode());
        }
    }
    Ok(())
}
