//! The model: one list, walked whole for every question.

use std::{collections::BTreeMap, time::Duration};

use headwater_store::{
    Append, Appended, Class, GapReason, Limits, Position, ReadScope, Record, Retention, RunRecord,
    StreamName, Tenant,
};
use jiff::Timestamp;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    /// Retention took it, alone or with its run.
    Taken,
    /// It was deleted with its stream.
    Deleted,
}

struct Entry {
    record: Record,
    name: (Tenant, StreamName),
    /// Which life of that name.
    life: usize,
    fate: Fate,
}

struct Run {
    record: RunRecord,
    life: usize,
    /// Whether what is due after the present end was done: for deltas, for the run.
    done: [bool; 2],
}

pub(crate) struct List {
    entries: Vec<Entry>,
    runs: BTreeMap<(Tenant, StreamName), Run>,
    /// Runs that were taken whole: up to where, and why.
    gone: BTreeMap<(Tenant, StreamName), (Position, GapReason)>,
    lives: usize,
    retention: Retention,
    max_bytes: usize,
    lanes: u16,
    window_ms: i64,
}

pub(crate) struct Page {
    pub(crate) positions: Vec<Position>,
    pub(crate) next: Position,
    pub(crate) more: bool,
    pub(crate) gaps: Vec<(Position, Position, GapReason)>,
}

impl List {
    pub(crate) fn new(retention: Retention, max_bytes: usize, lanes: u16, window_ms: i64) -> Self {
        let (runs, gone) = (BTreeMap::new(), BTreeMap::new());
        Self { entries: Vec::new(), runs, gone, lives: 0, retention, max_bytes, lanes, window_ms }
    }

    pub(crate) fn tail(&self) -> Position {
        self.entries.last().map_or(Position::ZERO, |entry| entry.record.position())
    }

    pub(crate) fn append(&mut self, batch: Vec<Append>, now: i64) -> Vec<Appended> {
        let stored_at = Timestamp::from_millisecond(now).unwrap();
        let answer = batch.into_iter().map(|append| self.append_one(append, stored_at)).collect();
        self.trim(now);
        answer
    }

    fn append_one(&mut self, append: Append, stored_at: Timestamp) -> Appended {
        let now = stored_at.as_millisecond();
        let first = self.entries.iter().rev().find(|entry| {
            let same = entry.name.0 == append.tenant && entry.record.event().id() == append.event.id();
            let run = self.runs.get(&entry.name);
            same && run.is_some_and(|run| run.life == entry.life)
                && now - entry.record.stored_at_ms() <= self.window_ms
        });
        if let Some(first) = first {
            let record = &first.record;
            return Appended { position: record.position(), stored_at: record.stored_at(), duplicate: true };
        }
        let position = self.tail().next();
        let record = Record::new(append.event, position, stored_at, append.class, append.mark);
        let name = (append.tenant, append.stream);
        if let Some(run) = self.runs.get_mut(&name) {
            run.record.follow(&record);
            if record.mark() != headwater_store::Mark::None {
                run.done = [false; 2];
            }
        } else {
            self.lives += 1;
            let run = Run { record: RunRecord::begin(&record), life: self.lives, done: [false; 2] };
            self.runs.insert(name.clone(), run);
        }
        let life = self.runs[&name].life;
        self.entries.push(Entry { record, name, life, fate: Fate::Kept });
        Appended { position, stored_at, duplicate: false }
    }

    pub(crate) fn trim(&mut self, now: i64) {
        self.limit(false, self.retention.durable, self.max_bytes - self.max_bytes / 4, now);
        let durable = self.kept(false).map(|(_, entry)| entry.record.weight()).sum();
        self.limit(true, self.retention.transient, self.max_bytes.saturating_sub(durable), now);
        for (what, after) in
            [self.retention.transient_after_end, self.retention.run_after_end].into_iter().enumerate()
        {
            let Some(after) = after else { continue };
            self.after_end(what, after, now);
        }
    }

    /// The kept events of a kind, oldest first.
    fn kept(&self, transient: bool) -> impl Iterator<Item = (usize, &Entry)> {
        let of_kind = move |entry: &Entry| (entry.record.class() == Class::Transient) == transient;
        self.entries.iter().enumerate().filter(move |(_, entry)| entry.fate == Fate::Kept && of_kind(entry))
    }

    fn limit(&mut self, transient: bool, limits: Limits, max_weight: usize, now: i64) {
        loop {
            let (mut events, mut size, mut weight) = (0, 0, 0);
            for (_, entry) in self.kept(transient) {
                events += 1;
                size += entry.record.size() as u64;
                weight += entry.record.weight();
            }
            let Some((oldest, entry)) = self.kept(transient).next() else {
                return;
            };
            let old = limits.max_age.is_some_and(|age| now - entry.record.stored_at_ms() > millis(age));
            let over = limits.max_events.is_some_and(|max| events > max)
                || limits.max_bytes.is_some_and(|max| size > max)
                || (weight > max_weight && events > 1);
            if !old && !over {
                return;
            }
            self.take(oldest);
        }
    }

    fn take(&mut self, index: usize) {
        let entry = &mut self.entries[index];
        entry.fate = Fate::Taken;
        if let Some(run) = self.runs.get_mut(&entry.name).filter(|run| run.life == entry.life) {
            match entry.record.class() {
                Class::Durable => run.record.removed = entry.record.position(),
                Class::Transient => run.record.trimmed = entry.record.position(),
                Class::Internal => {}
            }
        }
    }

    /// `what`: 0 for the deltas of a run, 1 for the run.
    fn after_end(&mut self, what: usize, after: Duration, now: i64) {
        let due =
            |run: &Run| run.record.ended_at.is_some_and(|at| now - at > millis(after)) && !run.done[what];
        let due: Vec<_> =
            self.runs.iter().filter(|(_, run)| due(run)).map(|(name, _)| name.clone()).collect();
        for name in due {
            if what == 1 {
                self.forget(&name, Fate::Taken, GapReason::Retention);
                continue;
            }
            let life = self.runs[&name].life;
            let deltas: Vec<_> =
                self.kept(true).filter(|(_, entry)| entry.life == life).map(|(i, _)| i).collect();
            deltas.into_iter().for_each(|i| self.take(i));
            if let Some(run) = self.runs.get_mut(&name) {
                run.done[0] = true;
            }
        }
    }

    fn forget(&mut self, name: &(Tenant, StreamName), fate: Fate, reason: GapReason) {
        let Some(run) = self.runs.remove(name) else { return };
        self.gone.insert(name.clone(), (run.record.last, reason));
        for entry in
            self.entries.iter_mut().filter(|entry| entry.life == run.life && entry.fate == Fate::Kept)
        {
            entry.fate = fate;
        }
    }

    pub(crate) fn remove(&mut self, tenant: &Tenant, stream: &StreamName, now: i64) -> bool {
        self.trim(now);
        let name = (tenant.clone(), stream.clone());
        let was = self.runs.contains_key(&name);
        self.forget(&name, Fate::Deleted, GapReason::Deleted);
        was
    }

    pub(crate) fn runs(&mut self, tenant: &Tenant, now: i64) -> Vec<(StreamName, RunRecord)> {
        self.trim(now);
        let of_tenant = self.runs.iter().filter(|((of, _), _)| of == tenant);
        of_tenant.map(|((_, stream), run)| (stream.clone(), run.record)).collect()
    }
}

impl List {
    fn belongs(&self, scope: &ReadScope, entry: &Entry) -> bool {
        let (tenant, stream) = &entry.name;
        let durable = entry.record.class() == Class::Durable;
        match scope {
            ReadScope::Stream(of, name, classes) => {
                of == tenant && name == stream && classes.classes().contains(entry.record.class())
            }
            ReadScope::Tenant(of) => durable && of == tenant,
            ReadScope::Lane(lane) => durable && *lane == entry.record.lane(self.lanes),
            ReadScope::TenantLane(of, lane) => {
                durable && of == tenant && *lane == entry.record.lane(self.lanes)
            }
        }
    }

    pub(crate) fn read(
        &mut self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
        now: i64,
    ) -> Page {
        self.trim(now);
        let of_scope: Vec<_> = self.entries.iter().filter(|entry| self.belongs(scope, entry)).collect();
        let mut page = Page { positions: Vec::new(), next: after, more: false, gaps: Vec::new() };
        let mut bytes = 0;
        for entry in of_scope.iter().filter(|e| e.fate == Fate::Kept && e.record.position() > after) {
            bytes += entry.record.size();
            if page.positions.len() == limit || (bytes > max_bytes && !page.positions.is_empty()) {
                page.more = true;
                break;
            }
            page.next = entry.record.position();
            page.positions.push(entry.record.position());
        }
        if !page.more {
            page.next = after.max(self.tail());
        }
        for (reason, to) in self.missing(scope, &of_scope, after) {
            let to = to.min(page.next);
            // Where the page has every position nothing is missing, and no delta lies before the run.
            let first = match (scope, reason) {
                (ReadScope::Stream(tenant, stream, _), GapReason::Trimmed) => self
                    .runs
                    .get(&(tenant.clone(), stream.clone()))
                    .map_or(Position::ZERO, |run| run.record.first),
                _ => Position::ZERO,
            };
            let has = |p: u64| page.positions.contains(&Position(p));
            if !(after.next().max(first).0..=to.0).all(has) {
                page.gaps.push((after, to, reason));
            }
        }
        page
    }

    /// Up to where something is missing, by reason.
    fn missing(&self, scope: &ReadScope, of_scope: &[&Entry], after: Position) -> Vec<(GapReason, Position)> {
        let taken = |life: Option<usize>, transient: bool| {
            let taken = of_scope.iter().filter(|entry| entry.fate == Fate::Taken);
            let taken = taken.filter(|entry| life.is_none_or(|life| life == entry.life));
            let taken = taken.filter(|entry| (entry.record.class() == Class::Transient) == transient);
            taken.map(|entry| entry.record.position()).max().unwrap_or_default()
        };
        let ReadScope::Stream(tenant, stream, _) = scope else {
            return vec![(GapReason::Retention, taken(None, false))];
        };
        let name = (tenant.clone(), stream.clone());
        let life = self.runs.get(&name).map_or(0, |run| run.life);
        let (mut removed, trimmed) = (taken(Some(life), false), taken(Some(life), true));
        let mut missing = Vec::new();
        match self.gone.get(&name) {
            Some(&(to, GapReason::Retention)) => removed = removed.max(to),
            Some(&(to, reason)) if after > Position::ZERO => missing.push((reason, to)),
            _ => {}
        }
        missing.extend([(GapReason::Retention, removed), (GapReason::Trimmed, trimmed)]);
        missing
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}
