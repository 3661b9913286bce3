//! What the ring keeps.

use std::{collections::VecDeque, sync::Arc};

use headwater_events::{Position, StreamName, Tenant};

use crate::{Gap, Record};

/// One push.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Batch(Arc<[Record]>),
    Lost(Gap),
    Deleted { tenant: Tenant, stream: StreamName, to: Position },
}

struct Kept {
    entry: Entry,
    /// The last position the entry covers.
    last: Position,
    bytes: usize,
}

/// The entries in order, numbered from 0 since the ring was made, so that a follower's place is one number.
pub(super) struct Entries {
    kept: VecDeque<Kept>,
    /// The number of the first entry in `kept`.
    first: u64,
    /// Everything after this position is kept.
    floor: Position,
    tail: Position,
    bytes: usize,
    max_bytes: usize,
    closed: bool,
}

/// What an entry costs beside its records.
const ENTRY_BYTES: usize = 96;

impl Entries {
    pub(super) fn new(after: Position, max_bytes: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            first: 0,
            floor: after,
            tail: after,
            bytes: 0,
            max_bytes,
            closed: false,
        }
    }

    /// Gives what had to go for it.
    pub(super) fn push(&mut self, batch: Arc<[Record]>) -> Vec<Entry> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            return Vec::new();
        };
        debug_assert!(first.position() > self.tail, "batches are pushed in the order of their positions");
        let last = last.position();
        let bytes = batch.iter().map(Record::weight).sum();
        self.add(Entry::Batch(batch), last, bytes)
    }

    pub(super) fn lost(&mut self, gap: Gap) {
        debug_assert!(gap.to >= self.tail, "a gap lies behind what was pushed before it");
        let last = gap.to;
        self.add(Entry::Lost(gap), last, 0);
    }

    fn add(&mut self, entry: Entry, last: Position, bytes: usize) -> Vec<Entry> {
        let mut evicted = Vec::new();
        if self.closed {
            return evicted;
        }
        let bytes = bytes + ENTRY_BYTES;
        self.kept.push_back(Kept { entry, last, bytes });
        self.tail = last;
        self.bytes += bytes;
        while self.bytes > self.max_bytes && self.kept.len() > 1 {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes;
            self.floor = oldest.last;
            self.first += 1;
            evicted.push(oldest.entry);
        }
        evicted
    }

    pub(super) fn forget(&mut self, tenant: &Tenant, stream: &StreamName, to: Position) {
        let is_gone = |record: &Record| record.position() <= to && record.is_of(tenant, stream);
        for kept in &mut self.kept {
            let Entry::Batch(batch) = &mut kept.entry else {
                continue;
            };
            if batch.iter().any(is_gone) {
                *batch = batch.iter().filter(|record| !is_gone(record)).cloned().collect();
                let bytes = batch.iter().map(Record::weight).sum::<usize>() + ENTRY_BYTES;
                self.bytes = self.bytes - kept.bytes + bytes;
                kept.bytes = bytes;
            }
        }
        let (tenant, stream, tail) = (tenant.clone(), stream.clone(), self.tail);
        self.add(Entry::Deleted { tenant, stream, to }, tail, 0);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn floor(&self) -> Position {
        self.floor
    }

    pub(super) fn tail(&self) -> Position {
        self.tail
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of the first kept entry.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the first entry that reaches beyond `after`.
    pub(super) fn seek(&self, after: Position) -> u64 {
        self.first + self.kept.partition_point(|kept| kept.last <= after) as u64
    }

    /// The entries from number `from` on, at most `max`.
    pub(super) fn from(&self, from: u64, max: usize) -> impl Iterator<Item = Entry> {
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let skip = skip.min(self.kept.len());
        self.kept.range(skip..).take(max).map(|kept| kept.entry.clone())
    }
}
