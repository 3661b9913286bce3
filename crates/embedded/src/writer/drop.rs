//! Dropping buckets whose events are all out of sight, in small steps.
//!
//! Before a bucket goes, the last position that goes with it is written into the record of each run that is in it (or
//! of each tenant and lane): readers who come from before are told exactly. That is one seek for each run, not one
//! for each event.

use bytes::Bytes;
use fjall::OwnedWriteBatch;
use headwater_events::{Position, lane_of};
use headwater_store::Error;

use super::Writer;
use crate::{
    bodies,
    buckets::{self, Bucket, Kind},
    codec,
    engine::storage,
    keys, meta, stats,
    view::View,
};

/// How many runs are looked at in one step.
const STEP: usize = 500;

/// A bucket on its way out.
pub(super) struct Dropping {
    kind: Kind,
    id: u64,
    /// Where the walk over its runs goes on.
    from: Vec<u8>,
}

impl Writer {
    /// Does some of what is to be done to free space, and gives whether there is more.
    pub(super) fn free_some(&mut self) -> Result<bool, Error> {
        let Some(mut dropping) = self.retention.dropping.take() else {
            self.retention.dropping = self.next_to_drop()?;
            return Ok(self.retention.dropping.is_some());
        };
        let view = self.view()?;
        let Some(bucket) = find(&view, dropping.kind, dropping.id) else {
            return Ok(true);
        };
        let mut batch = self.batch(&view);
        let over = match dropping.kind {
            Kind::Bodies | Kind::Deltas => self.note_runs(&view, &bucket, &mut dropping, &mut batch)?,
            Kind::Refs => note_scopes(&view, &bucket, &mut dropping, &mut batch)?,
            Kind::Dedup => true,
        };
        if over {
            batch.remove(&view.engine.meta, buckets::key(dropping.kind, dropping.id));
            meta::put_end(&mut batch, &view.engine.meta, &self.end);
        }
        self.write(batch)?;
        if !over {
            self.retention.dropping = Some(dropping);
            return Ok(true);
        }
        let mut next = (*view).clone();
        next.buckets.take(dropping.kind, dropping.id);
        let db = next.engine.db.clone();
        self.show(next);
        self.retention.witnesses.remove(&(dropping.kind, dropping.id));
        // Readers may still hold it: the files go when they let go of it.
        db.delete_keyspace(bucket.keys).map_err(storage)?;
        stats::add(&self.shared.counters.dropped_buckets, 1);
        Ok(true)
    }

    /// A bucket with nothing left in sight.
    fn next_to_drop(&mut self) -> Result<Option<Dropping>, Error> {
        let now = self.now();
        self.retire_old_buckets(now)?;
        let view = self.view()?;
        let window = i64::try_from(self.shared.options.dedup_window.as_millis()).unwrap_or(i64::MAX);
        for kind in Kind::ALL {
            for pair in view.buckets.of(kind).windows(2) {
                let last = pair[1].first.prev();
                let over = match kind {
                    Kind::Bodies => last <= view.cuts.durable,
                    // The limits of transient events are found in the commit records too.
                    Kind::Refs => last <= view.cuts.durable && !has_deltas(&view, last),
                    Kind::Deltas => last <= view.cuts.transient,
                    Kind::Dedup => pair[0].end_ms.saturating_add(window) < now,
                };
                if over || self.is_over(&view, kind, &pair[0])? {
                    return Ok(Some(Dropping { kind, id: pair[0].id, from: Vec::new() }));
                }
            }
        }
        Ok(None)
    }

    /// A bucket is dropped only when there is a newer one: where nothing is stored any more, time opens it.
    fn retire_old_buckets(&mut self, now: i64) -> Result<(), Error> {
        let mut next = (*self.view()?).clone();
        let mut rolled = false;
        for kind in [Kind::Bodies, Kind::Refs, Kind::Deltas] {
            let old =
                next.buckets.newest(kind).is_some_and(|b| b.end_ms <= now && b.first <= self.end.position);
            if old {
                self.open_bucket(&mut next, kind, now)?;
                rolled = true;
            }
        }
        if rolled {
            self.show(next);
        }
        Ok(())
    }

    /// Whether every run in a bucket is out of sight: trimmed after its end, deleted, or taken whole.
    fn is_over(&mut self, view: &std::sync::Arc<View>, kind: Kind, bucket: &Bucket) -> Result<bool, Error> {
        let key = (kind, bucket.id);
        let single = kind == Kind::Deltas
            || (kind == Kind::Bodies && self.shared.options.retention.run_after_end.is_some());
        if !single || self.retention.in_use.contains(&key) {
            return Ok(false);
        }
        let mut from = self.retention.witnesses.remove(&key).unwrap_or_default();
        for _ in 0..STEP {
            let Some((run, last)) = next_run(bucket, &from)? else {
                return Ok(true);
            };
            let record = self.runs.get(view, &run)?;
            let seen = record.is_some_and(|record| {
                let (mark, cut) = match kind {
                    Kind::Deltas => (record.trimmed, view.cuts.transient),
                    _ => (record.removed, view.cuts.durable),
                };
                record.first <= last && mark.max(cut) < last
            });
            if seen {
                break;
            }
            from = behind(&run);
        }
        self.retention.witnesses.insert(key, from);
        self.retention.in_use.push(key);
        Ok(false)
    }

    /// Writes what goes into the records of some of a bucket's runs; gives whether it was the last of them.
    fn note_runs(
        &mut self,
        view: &std::sync::Arc<View>,
        bucket: &Bucket,
        dropping: &mut Dropping,
        batch: &mut OwnedWriteBatch,
    ) -> Result<bool, Error> {
        for _ in 0..STEP {
            let Some((run, last)) = next_run(bucket, &dropping.from)? else {
                return Ok(true);
            };
            dropping.from = behind(&run);
            let Some(mut record) = self.runs.get(view, &run)?.filter(|record| record.first <= last) else {
                continue;
            };
            let shown = last_shown(bucket, &run, record.first.prev(), last)?.unwrap_or_default();
            let mark = if dropping.kind == Kind::Deltas { &mut record.trimmed } else { &mut record.removed };
            *mark = shown.max(*mark);
            let nothing_left = record.last <= view.cuts.durable
                && last_of(view, Kind::Deltas, &run, view.cuts.transient.max(record.trimmed), record.last)?
                    .is_none();
            match record.ended_at {
                Some(at) if nothing_left => {
                    batch.remove(&view.engine.runs, run.clone());
                    batch.remove(&view.engine.ended, keys::ended(at, &run));
                    self.runs.forget(&run);
                }
                _ => {
                    batch.insert(&view.engine.runs, run.clone(), codec::encode_run(&record));
                    self.runs.put(run, record);
                }
            }
        }
        Ok(false)
    }
}

/// Writes what goes into the table of tenants and lanes; gives whether it was the last of them.
fn note_scopes(
    view: &View,
    bucket: &Bucket,
    dropping: &mut Dropping,
    batch: &mut OwnedWriteBatch,
) -> Result<bool, Error> {
    if dropping.from.is_empty() {
        dropping.from = vec![keys::TENANT];
    }
    for _ in 0..STEP {
        let Some(entry) = bucket.keys.range(dropping.from.clone()..).next() else {
            return Ok(true);
        };
        let key = entry.key().map_err(storage)?;
        let scope = key[..key.len().saturating_sub(8)].to_vec();
        let range = scope.clone()..=[scope.as_slice(), &[0xff; 8]].concat();
        if let Some(last) = bucket.keys.range(range).next_back() {
            let last = keys::position(&last.key().map_err(storage)?);
            raise(view, &scope, last, batch)?;
        }
        dropping.from = scope;
        if let Some(end) = dropping.from.last_mut() {
            *end = 1;
        }
    }
    Ok(false)
}

/// Writes that a run was taken up to `last` into the table of tenants and lanes.
pub(super) fn note_removed(
    view: &View,
    run: &[u8],
    lanes: u16,
    last: Position,
    batch: &mut OwnedWriteBatch,
) -> Result<(), Error> {
    let Some((tenant, stream)) = keys::split(run) else {
        return Ok(());
    };
    let lane = lane_of(tenant, stream, lanes).0;
    for key in [keys::tenant(tenant, last), keys::lane(lane, tenant, last)] {
        raise(view, &key[..key.len() - 8], last, batch)?;
    }
    Ok(())
}

fn raise(view: &View, scope: &[u8], last: Position, batch: &mut OwnedWriteBatch) -> Result<(), Error> {
    let key = meta::removed_key(scope);
    let before = view.engine.meta.get(&key).map_err(storage)?.map_or(Position::ZERO, |v| keys::position(&v));
    if before < last {
        batch.insert(&view.engine.meta, key, last.0.to_be_bytes());
    }
    Ok(())
}

/// The last event of a run in `(after, to]` that ordinary readers see.
pub(super) fn last_of(
    view: &View,
    kind: Kind,
    run: &[u8],
    after: Position,
    to: Position,
) -> Result<Option<Position>, Error> {
    for bucket in view.buckets.after(kind, after).iter().rev().filter(|bucket| bucket.first <= to) {
        if let Some(last) = last_shown(bucket, run, after, to)? {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

fn last_shown(bucket: &Bucket, run: &[u8], after: Position, to: Position) -> Result<Option<Position>, Error> {
    bodies::last_shown(|range| bucket.keys.range(range), run, after, to)
}

/// The first run at or behind a key of a bucket, and its last position in it.
fn next_run(bucket: &Bucket, from: &[u8]) -> Result<Option<(Bytes, Position)>, Error> {
    let Some(entry) = bucket.keys.range(from.to_vec()..).next() else {
        return Ok(None);
    };
    let run = keys::run_of(&Bytes::from(entry.key().map_err(storage)?));
    let range = keys::body(&run, Position::ZERO)..=keys::body(&run, Position::MAX);
    let last = bucket.keys.range(range).next_back().map(|last| last.key().map_err(storage)).transpose()?;
    Ok(last.map(|last| (run, keys::position(&last))))
}

/// Directly behind all keys of a run.
fn behind(run: &[u8]) -> Vec<u8> {
    [run, b"\x01"].concat()
}

/// Whether transient events up to a position are still in sight.
fn has_deltas(view: &View, last: Position) -> bool {
    view.cuts.transient < last
        && view.buckets.of(Kind::Deltas).first().is_some_and(|bucket| bucket.first <= last)
}

fn find(view: &View, kind: Kind, id: u64) -> Option<Bucket> {
    view.buckets.of(kind).iter().find(|bucket| bucket.id == id).cloned()
}
