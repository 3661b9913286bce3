//! One group of calls on its way into the database: built first, committed whole, then answered.

use std::{collections::HashMap, hash::BuildHasherDefault, sync::Arc};

use bytes::Bytes;
use fjall::OwnedWriteBatch;
use headwater_events::{Class, Position};
use headwater_store::{Appended, Error, Record, RunRecord, RunState, Version};
use jiff::Timestamp;

use super::{
    answers::Answer,
    refs,
    request::{Prepared, Reply},
    runs::RunCache,
};
use crate::{
    buckets::Kind,
    codec,
    commit::{Commit, WITNESSES, Witness},
    dedup::{self, Print, Seen},
    keys,
    late::{self, Growth},
    meta::{self, End},
    recent::{AsIs, Recent},
    value::{self, Body},
    view::View,
};

/// Fewer runs than this have their records written at once.
const FEW: usize = 4;

/// What the group reads while it is built.
pub(super) struct Sources<'a> {
    pub(super) view: &'a Arc<View>,
    pub(super) recent: &'a Recent,
    pub(super) cache: &'a mut RunCache,
    /// Events stored before this are no duplicates any more.
    pub(super) dedup_since: i64,
}

/// A group while it is built. Nothing outside changes before it is committed.
pub(super) struct Group {
    pub(super) batch: OwnedWriteBatch,
    pub(super) now: i64,
    /// Where the log ended before the group.
    begin: End,
    pub(super) end: End,
    pub(super) records: Vec<Record>,
    classes: Vec<Class>,
    /// The durable events, each with its run's place in `runs`.
    durable: Vec<(Position, usize)>,
    witnesses: Vec<Witness>,
    pub(super) prints: Vec<Print>,
    /// Where an event stands in `prints`.
    print_at: HashMap<u128, usize, BuildHasherDefault<AsIs>>,
    pub(super) runs: Vec<(Bytes, Run)>,
    /// Where a run stands in `runs`.
    run_at: HashMap<Bytes, usize>,
    /// The place for a slip; none where the records of all runs catch up with the group.
    pub(super) slip: Option<u8>,
    /// The runs whose records are left behind by the group.
    pub(super) late: Vec<(Bytes, Growth)>,
    /// The state values that the group writes.
    pub(super) state: HashMap<String, Option<Version>>,
    pub(super) state_version: u64,
    pub(super) duplicates: u64,
    pub(super) answers: Vec<Answer>,
}

/// The record of a run, before and after the group.
pub(super) struct Run {
    pub(super) record: RunRecord,
    /// How the run stood before the group, and when it had ended, if there was one.
    before: Option<(RunState, Option<i64>)>,
    pub(super) lane: u16,
    /// What the group stores of it: durable and internal events, and transient ones.
    bodies: [Vec<Body>; 2],
    /// The last position of each value of durable and internal events.
    pub(super) values: Vec<Position>,
}

impl Run {
    fn new(record: RunRecord, before: Option<RunRecord>, lane: u16) -> Self {
        let before = before.map(|before| (before.state, before.ended_at));
        Self { record, before, lane, bodies: [Vec::new(), Vec::new()], values: Vec::new() }
    }
}

impl Group {
    pub(super) fn new(
        batch: OwnedWriteBatch,
        end: End,
        now: i64,
        state_version: u64,
        slip: Option<u8>,
    ) -> Self {
        Self {
            batch,
            now,
            begin: end,
            end: End { stored_at: now, ..end },
            records: Vec::new(),
            classes: Vec::new(),
            durable: Vec::new(),
            witnesses: Vec::new(),
            prints: Vec::new(),
            print_at: HashMap::default(),
            runs: Vec::new(),
            run_at: HashMap::new(),
            slip,
            late: Vec::new(),
            state: HashMap::new(),
            state_version,
            duplicates: 0,
            answers: Vec::new(),
        }
    }

    /// Whether there is anything to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    pub(super) fn append(
        &mut self,
        events: Vec<Prepared>,
        reply: Reply<Vec<Appended>>,
        from: &mut Sources<'_>,
    ) -> Result<(), Error> {
        let mut appended = Vec::with_capacity(events.len());
        self.records.reserve(events.len());
        self.prints.reserve(events.len());
        self.print_at.reserve(events.len());
        for event in events {
            appended.push(self.event(event, from)?);
        }
        self.answers.push(Answer::Append(reply, appended));
        Ok(())
    }

    fn event(&mut self, event: Prepared, from: &mut Sources<'_>) -> Result<Appended, Error> {
        let run_hash = event.run_hash;
        let (at, before) = self.run(&event.run, from)?;
        if let Some(seen) = self.seen(event.print, from)? {
            // The run may have been deleted since, and the event with it.
            let gone = seen.run_hash == run_hash && before.is_none_or(|run| seen.position < run.first);
            if !gone {
                self.duplicates += 1;
                return Ok(Appended {
                    position: seen.position,
                    stored_at: Timestamp::from_millisecond(seen.stored_at).unwrap_or_default(),
                    duplicate: true,
                });
            }
        }
        let position = self.end.position.next();
        let stored_at = Timestamp::from_millisecond(self.now).unwrap_or_default();
        let record = Record::new(event.event.clone(), position, stored_at, event.class, event.mark);
        let at = self.enter(&event, at, before, &record);
        if event.class == Class::Durable {
            self.durable.push((position, at));
        }
        self.print_at.insert(event.print, self.prints.len());
        self.prints.push(Print { print: event.print, position, run_hash });
        let totals = match event.class {
            Class::Transient => &mut self.end.transient,
            Class::Durable | Class::Internal => &mut self.end.durable,
        };
        totals.events += 1;
        totals.bytes += event.json.len() as u64;
        let checksum = value::checksum(event.class, event.mark, self.now, event.json_hash, position);
        if self.witnesses.len() == WITNESSES {
            self.witnesses.remove(0);
        }
        self.witnesses.push(Witness { class: event.class, position, checksum, run: event.run });
        let Prepared { class, mark, json, .. } = event;
        let body = Body { position, class, mark, json, checksum };
        self.runs[at].1.bodies[usize::from(class == Class::Transient)].push(body);
        self.classes.push(record.class());
        self.records.push(record);
        self.end.position = position;
        Ok(Appended { position, stored_at, duplicate: false })
    }

    fn seen(&self, print: u128, from: &Sources<'_>) -> Result<Option<Seen>, Error> {
        match self.print_at.get(&print).map(|&at| self.prints[at]) {
            Some(Print { position, run_hash, .. }) => {
                Ok(Some(Seen { position, stored_at: self.now, run_hash }))
            }
            None => from.recent.find(&from.view.buckets, print, from.dedup_since),
        }
    }

    /// Where the run stands in the group, if it does, and its record before the event.
    fn run(
        &mut self,
        run: &Bytes,
        from: &mut Sources<'_>,
    ) -> Result<(Option<usize>, Option<RunRecord>), Error> {
        // Events of one run come together more often than not.
        let last = self.runs.len().checked_sub(1).filter(|&last| self.runs[last].0 == run);
        match last.or_else(|| self.run_at.get(run).copied()) {
            Some(at) => Ok((Some(at), Some(self.runs[at].1.record))),
            None => Ok((None, from.cache.get(from.view, run)?)),
        }
    }

    /// Takes the next event of a run into account, and gives the run's place in the group.
    fn enter(
        &mut self,
        event: &Prepared,
        at: Option<usize>,
        before: Option<RunRecord>,
        record: &Record,
    ) -> usize {
        if let Some(at) = at {
            self.runs[at].1.record.follow(record);
            return at;
        }
        let entered = match before {
            Some(known) => {
                let mut after = known;
                after.follow(record);
                Run::new(after, before, event.lane)
            }
            None => Run::new(RunRecord::begin(record), None, event.lane),
        };
        self.run_at.insert(event.run.clone(), self.runs.len());
        self.runs.push((event.run.clone(), entered));
        self.runs.len() - 1
    }

    /// Adds the records of runs that are late: they catch up with this group.
    pub(super) fn catch_up(&mut self, from: &mut Sources<'_>) -> Result<(), Error> {
        for run in from.cache.late() {
            if self.run_at.contains_key(&run) {
                continue;
            }
            if let Some(record) = from.cache.get(from.view, &run)? {
                self.batch.insert(&from.view.engine.runs, run, codec::encode_run(&record));
            }
        }
        Ok(())
    }

    /// Writes what changed little in runs: in one slip, if there is a place for it and it saves something.
    fn grow_runs(&mut self, view: &View) {
        match self.slip {
            Some(place) if self.late.len() >= FEW => {
                self.batch.insert(&view.engine.meta, meta::slip_key(place), late::encode(&self.late));
            }
            _ => {
                for (key, _) in self.late.drain(..) {
                    if let Some(&at) = self.run_at.get(&key) {
                        let record = codec::encode_run(&self.runs[at].1.record);
                        self.batch.insert(&view.engine.runs, key, record);
                    }
                }
            }
        }
    }

    /// Adds what is written once for the group: events and records of runs, dedup entries, the commit record.
    pub(super) fn finish(&mut self, view: &View) {
        if self.records.is_empty() {
            return;
        }
        for (key, run) in &mut self.runs {
            for (bodies, kind) in run.bodies.iter().zip([Kind::Bodies, Kind::Deltas]) {
                let Some(bucket) = view.buckets.newest(kind) else { continue };
                for piece in value::pieces(bodies) {
                    let last = piece.last().map_or(Position::ZERO, |body| body.position);
                    self.batch.insert(&bucket.keys, keys::body(key, last), value::encode(piece, self.now));
                    if kind == Kind::Bodies {
                        run.values.push(last);
                    }
                }
            }
            // A new run, or one that begins or ends, is told by its record.
            if run.before == Some((run.record.state, run.record.ended_at)) {
                self.late.push((key.clone(), Growth::of(&run.record)));
                continue;
            }
            self.batch.insert(&view.engine.runs, key.clone(), codec::encode_run(&run.record));
            let ended_before = run.before.and_then(|(_, at)| at);
            if ended_before != run.record.ended_at {
                if let Some(at) = ended_before {
                    self.batch.remove(&view.engine.ended, keys::ended(at, key));
                }
                if let Some(at) = run.record.ended_at {
                    self.batch.insert(&view.engine.ended, keys::ended(at, key), Bytes::new());
                }
            }
        }
        self.grow_runs(view);
        if let Some(bucket) = view.buckets.newest(Kind::Dedup) {
            let prints = dedup::encode(&self.prints, self.now);
            self.batch.insert(&bucket.keys, keys::prints(self.end.position), prints);
        }
        let commit = Commit {
            first: self.begin.position.next(),
            stored_at: self.now,
            durable: self.end.durable,
            transient: self.end.transient,
            own_bytes: [
                self.end.durable.bytes - self.begin.durable.bytes,
                self.end.transient.bytes - self.begin.transient.bytes,
            ],
            classes: std::mem::take(&mut self.classes),
            witnesses: std::mem::take(&mut self.witnesses),
        };
        if let Some(bucket) = view.buckets.newest(Kind::Refs) {
            refs::put(&mut self.batch, &bucket.keys, &self.runs, &self.durable);
            self.batch.insert(&bucket.keys, keys::commit(self.end.position), commit.encode());
        }
    }
}
