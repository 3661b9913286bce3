//! One run's events.

use std::collections::VecDeque;

use headwater_events::{Class, Lane, Position, StreamName, Tenant};

use super::page;
use crate::{ClassesKey, GapReason, Page, Record, RunRecord};

/// Which life of which name: never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StreamId(pub(super) u64);

/// Durable and internal events have one limit, transient ones another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Durable = 0,
    Transient = 1,
}

impl Kind {
    pub(super) fn of(class: Class) -> Self {
        match class {
            Class::Durable | Class::Internal => Self::Durable,
            Class::Transient => Self::Transient,
        }
    }
}

/// What is known of events that once stood under a name and were taken with their run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone {
    pub(super) to: Position,
    pub(super) reason: GapReason,
}

pub(super) struct Stream {
    pub(super) tenant: Tenant,
    pub(super) name: StreamName,
    pub(super) lane: Lane,
    pub(super) run: RunRecord,
    /// The last internal event that retention took.
    internal_removed: Position,
    pub(super) gone: Option<Gone>,
    kept: [VecDeque<Record>; 2],
}

impl Stream {
    pub(super) fn new(
        tenant: Tenant,
        name: StreamName,
        lane: Lane,
        first: &Record,
        gone: Option<Gone>,
    ) -> Self {
        let kept = [VecDeque::new(), VecDeque::new()];
        let run = RunRecord::begin(first);
        let mut stream = Self { tenant, name, lane, run, internal_removed: Position::ZERO, gone, kept };
        stream.keep(first);
        stream
    }

    pub(super) fn push(&mut self, record: &Record) {
        self.run.follow(record);
        self.keep(record);
    }

    fn keep(&mut self, record: &Record) {
        self.kept[Kind::of(record.class()) as usize].push_back(record.clone());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.iter().all(VecDeque::is_empty)
    }

    pub(super) fn oldest(&self, kind: Kind) -> Option<&Record> {
        self.kept[kind as usize].front()
    }

    pub(super) fn kept(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.kept[kind as usize].iter()
    }

    /// Retention takes the oldest.
    pub(super) fn pop(&mut self, kind: Kind) -> Option<Record> {
        let record = self.kept[kind as usize].pop_front()?;
        let mark = match record.class() {
            Class::Durable => &mut self.run.removed,
            Class::Transient => &mut self.run.trimmed,
            Class::Internal => &mut self.internal_removed,
        };
        *mark = record.position();
        Some(record)
    }

    pub(super) fn read(
        &self,
        classes: ClassesKey,
        after: Position,
        tail: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Page {
        let records = self.after(after).filter(|record| classes.classes().contains(record.class()));
        let mut page = page::fill(records, after, tail, limit, max_bytes);
        let mut removed = match classes {
            ClassesKey::Visible => self.run.removed,
            ClassesKey::All => self.run.removed.max(self.internal_removed),
        };
        match self.gone {
            // Each reason is told once.
            Some(gone) if gone.reason == GapReason::Retention => removed = removed.max(gone.to),
            Some(gone) => page.tell_gone(after, gone),
            None => {}
        }
        page.tell(after, removed, GapReason::Retention, None);
        // Nothing of the run lies before its first event.
        if !page.is_whole(after.max(self.run.first.prev()), self.run.trimmed) {
            page.tell(after, self.run.trimmed, GapReason::Trimmed, None);
        }
        page
    }

    /// Both kinds behind a position, merged.
    fn after(&self, after: Position) -> impl Iterator<Item = &Record> {
        let [durable, transient] = &self.kept;
        let start = |kept: &VecDeque<Record>| kept.partition_point(|record| record.position() <= after);
        let mut durable = durable.range(start(durable)..).peekable();
        let mut transient = transient.range(start(transient)..).peekable();
        std::iter::from_fn(move || match (durable.peek(), transient.peek()) {
            (Some(d), Some(t)) if d.position() < t.position() => durable.next(),
            (_, Some(_)) => transient.next(),
            (_, None) => durable.next(),
        })
    }
}

impl Page {
    /// Tells of an earlier life. To one who starts at the beginning, a deleted one never was.
    pub(super) fn tell_gone(&mut self, after: Position, gone: Gone) {
        if gone.reason != GapReason::Deleted || after > Position::ZERO {
            self.tell(after, gone.to, gone.reason, None);
        }
    }
}
