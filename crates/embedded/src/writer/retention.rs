//! Retention: a mark moves at once, what lies before it goes later and whole.
//!
//! * Limits by age, count and bytes move the cut of a class over the whole log.
//! * The end of a run moves the mark in its record.
//! * Buckets whose events are all out of sight are dropped in the background (see `drop`).

use bytes::Bytes;
use headwater_store::{Error, RunRecord};
use tokio::time::Instant;

use super::{Writer, cuts::Limited, drop};
use crate::{
    buckets::Kind,
    engine::storage,
    gone::Gone,
    keys, meta, metric_definitions as metric,
    view::{Cuts, View},
};

/// How many runs are written in one batch.
const STEP: usize = 1_000;

impl Writer {
    /// Puts out of sight what is not kept any more, and has it cleared away.
    pub(super) fn apply_retention(&mut self) -> Result<(), Error> {
        let now = self.now();
        self.move_cuts(now)?;
        self.trim_ended(now)?;
        self.remove_ended(now)?;
        self.forget_gone()?;
        self.retention.look_again();
        self.next_clearing = Some(Instant::now());
        if let Ok(bytes) = self.view()?.engine.db.disk_space() {
            #[allow(clippy::cast_precision_loss)]
            metrics::gauge!(metric::DISK_BYTES).set(bytes as f64);
        }
        Ok(())
    }

    fn move_cuts(&mut self, now: i64) -> Result<(), Error> {
        let view = self.view()?;
        let limits = self.shared.options.retention;
        let cut = |transient, cut| Limited { view: &view, end: &self.end, now, transient, cut };
        let cuts = Cuts {
            durable: cut(false, view.cuts.durable).cut(&limits.durable)?,
            transient: cut(true, view.cuts.transient).cut(&limits.transient)?,
        };
        if cuts == view.cuts {
            return Ok(());
        }
        let mut batch = self.batch(&view);
        meta::put_cuts(&mut batch, &view.engine.meta, cuts);
        self.write(batch)?;
        self.show(View { cuts, ..(*view).clone() });
        Ok(())
    }

    /// Trims the transient events of runs that have been over for long enough.
    fn trim_ended(&mut self, now: i64) -> Result<(), Error> {
        let Some(to) = before(now, self.shared.options.retention.transient_after_end) else {
            return Ok(());
        };
        while self.trimmed_to < to {
            let view = self.view()?;
            let range = keys::time(self.trimmed_to.saturating_add(1)).to_vec()
                ..keys::time(to.saturating_add(1)).to_vec();
            let mut batch = self.batch(&view);
            let mut reached = to;
            let mut trimmed = Vec::new();
            for (n, entry) in view.engine.ended.range(range).enumerate() {
                let key = Bytes::from(entry.key().map_err(storage)?);
                let (at, run) = split(&key);
                // Runs that ended at one time are taken together.
                if n >= STEP && at > reached {
                    break;
                }
                if n + 1 >= STEP {
                    reached = reached.min(at);
                }
                if let Some(record) = self.trimmed(&view, &run, at)? {
                    batch.insert(&view.engine.runs, run.clone(), crate::codec::encode_run(&record));
                    trimmed.push((run, record));
                }
            }
            meta::put_trimmed_to(&mut batch, &view.engine.meta, u64::try_from(reached).unwrap_or(0));
            self.write(batch)?;
            self.trimmed_to = reached;
            for (run, record) in trimmed {
                self.runs.put(run, record);
            }
        }
        Ok(())
    }

    /// The record of a run that ended at `at` with its transient events marked as trimmed, if it has any.
    fn trimmed(
        &mut self,
        view: &std::sync::Arc<View>,
        run: &Bytes,
        at: i64,
    ) -> Result<Option<RunRecord>, Error> {
        let Some(mut record) = self.runs.get(view, run)?.filter(|record| record.ended_at == Some(at)) else {
            return Ok(None);
        };
        let last =
            drop::last_of(view, Kind::Deltas, run, record.trimmed.max(record.first.prev()), record.last)?;
        Ok(last.map(|last| {
            record.trimmed = last;
            record
        }))
    }

    /// Takes runs whole that have been over for long enough.
    fn remove_ended(&mut self, now: i64) -> Result<(), Error> {
        let Some(to) = before(now, self.shared.options.retention.run_after_end) else {
            return Ok(());
        };
        loop {
            let view = self.view()?;
            let mut batch = self.batch(&view);
            let mut next = (*view).clone();
            let mut taken = Vec::new();
            let range = ..keys::time(to.saturating_add(1)).to_vec();
            for entry in view.engine.ended.range(range).take(STEP) {
                let key = Bytes::from(entry.key().map_err(storage)?);
                let (at, run) = split(&key);
                batch.remove(&view.engine.ended, key.clone());
                let Some(record) = self.runs.get(&view, &run)?.filter(|record| record.ended_at == Some(at))
                else {
                    continue;
                };
                batch.remove(&view.engine.runs, run.clone());
                batch.insert(
                    &view.engine.gone,
                    run.clone(),
                    Gone { to: record.last, deleted: false }.encode(),
                );
                next.holes = next.holes.max(record.last);
                if let Some(last) =
                    drop::last_of(&view, Kind::Bodies, &run, record.first.prev(), record.last)?
                {
                    drop::note_removed(&view, &run, self.shared.identity.lanes, last, &mut batch)?;
                }
                taken.push(run);
            }
            if batch.is_empty() {
                return Ok(());
            }
            meta::put_holes(&mut batch, &view.engine.meta, next.holes.0);
            self.write(batch)?;
            taken.iter().for_each(|run| self.runs.forget(run));
            self.show(next);
        }
    }

    /// What is remembered of runs that were taken whole goes with the events of their time.
    fn forget_gone(&mut self) -> Result<(), Error> {
        let view = self.view()?;
        let mut batch = self.batch(&view);
        let from = std::mem::take(&mut self.retention.gone_from);
        for entry in view.engine.gone.range(from..).take(STEP) {
            let (key, value) = entry.into_inner().map_err(storage)?;
            self.retention.gone_from = [&key, b"\0".as_slice()].concat();
            if Gone::decode(&value)?.to <= view.cuts.durable {
                batch.remove(&view.engine.gone, key);
            }
        }
        if batch.is_empty() { Ok(()) } else { self.write(batch) }
    }
}

/// The last time that is longer ago than `age`.
fn before(now: i64, age: Option<std::time::Duration>) -> Option<i64> {
    let age = i64::try_from(age?.as_millis()).unwrap_or(i64::MAX);
    Some(now.saturating_sub(age).saturating_sub(1)).filter(|&at| at > 0)
}

/// The parts of a key in the order of ends.
fn split(key: &Bytes) -> (i64, Bytes) {
    let at = key.first_chunk::<8>().map_or(0, |at| u64::from_be_bytes(*at));
    (i64::try_from(at).unwrap_or(i64::MAX), key.slice(8.min(key.len())..))
}

/// What the passes remember between them.
#[derive(Default)]
pub(super) struct Memory {
    /// Where the walk over runs that were taken whole goes on.
    gone_from: Vec<u8>,
    /// The bucket that is being dropped.
    pub(super) dropping: Option<drop::Dropping>,
    /// In each bucket the first run that still has something in sight: those before it have not, for good.
    pub(super) witnesses: std::collections::HashMap<(Kind, u64), Vec<u8>>,
    /// Buckets that were found to be in use in this pass.
    pub(super) in_use: Vec<(Kind, u64)>,
}

impl Memory {
    fn look_again(&mut self) {
        self.in_use.clear();
    }
}
