//! The recent events of one scope, shared by all its readers.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use headwater_events::{Position, StreamName};
use headwater_store::Record;
use tokio::sync::Notify;

/// The last records of a scope: everything of it behind `floor` up to `head` is here.
pub(crate) struct Ring {
    state: Mutex<State>,
    changed: Notify,
    capacity: usize,
    /// Bytes of all rings together.
    total: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    records: VecDeque<Record>,
    floor: Position,
    head: Position,
    /// Streams of this scope that were deleted: a number that grows, and the place up to which they are gone.
    deleted: Vec<(u64, StreamName, Position)>,
    deletions: u64,
    /// How often the log began anew.
    resets: u64,
    /// Something was pushed since readers were woken.
    dirty: bool,
    closed: bool,
}

/// What a reader has been told beside the records.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    pub(crate) deletions: u64,
    pub(crate) resets: u64,
}

/// What a reader gets from its ring.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Records behind the reader's position, and the place up to which the ring is complete with them.
    Records { records: Vec<Record>, upto: Position, waiting: usize },
    /// Nothing new; the scope is complete up to the place.
    Nothing { upto: Position },
    /// The reader is behind the floor: it must read the log.
    Behind,
    /// A stream of the scope was deleted behind the reader's position.
    Deleted { number: u64, stream: StreamName, to: Position },
    /// The log began anew: what comes has other positions.
    Reset,
    /// The hub was closed and everything at hand was taken.
    Closed,
}

impl Ring {
    pub(super) fn new(floor: Position, capacity: usize, total: Arc<AtomicUsize>) -> Self {
        let state = State { floor, head: floor, ..State::default() };
        Self { state: Mutex::new(state), changed: Notify::new(), capacity, total }
    }

    /// Adds a record, pushing out the oldest where the ring is full. Gives whether readers must be woken: true
    /// once until [`Ring::wake`] is called.
    pub(super) fn push(&self, record: &Record) -> bool {
        let mut state = self.state();
        if state.records.len() == self.capacity {
            self.evict(&mut state);
        }
        self.total.fetch_add(size(record), Ordering::Relaxed);
        state.head = record.position();
        state.records.push_back(record.clone());
        !std::mem::replace(&mut state.dirty, true)
    }

    /// Gives up the older half, to get all rings together below their limit.
    pub(super) fn shrink(&self) {
        let mut state = self.state();
        for _ in 0..state.records.len().div_ceil(2) {
            self.evict(&mut state);
        }
    }

    /// Everything up to `to` must be read from the log.
    pub(super) fn skip_to(&self, to: Position) {
        let mut state = self.state();
        while !state.records.is_empty() {
            self.evict(&mut state);
        }
        state.floor = state.floor.max(to);
        state.head = state.head.max(to);
    }

    /// What was here is of a numbering that is over.
    pub(super) fn reset(&self, from: Position) {
        self.skip_to(from);
        let mut state = self.state();
        (state.floor, state.head) = (from, from);
        state.deleted.clear();
        state.resets += 1;
    }

    pub(super) fn deleted(&self, stream: &StreamName, to: Position) {
        let mut state = self.state();
        let mut freed = 0;
        state.records.retain(|record| {
            let keep = record.event().stream() != stream.as_str() || record.position() > to;
            freed += if keep { 0 } else { size(record) };
            keep
        });
        self.total.fetch_sub(freed, Ordering::Relaxed);
        state.deletions += 1;
        let number = state.deletions;
        state.deleted.retain(|(_, name, _)| name != stream);
        state.deleted.push((number, stream.clone(), to));
        drop(state);
        self.wake();
    }

    pub(super) fn wake(&self) {
        self.state().dirty = false;
        self.changed.notify_waiters();
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.wake();
    }

    /// Where the ring begins: what is at or before it must be read from the log.
    pub(crate) fn floor(&self) -> Position {
        self.state().floor
    }

    /// What a reader that comes now need not be told.
    pub(crate) fn told(&self) -> Told {
        let state = self.state();
        Told { deletions: state.deletions, resets: state.resets }
    }

    /// Takes what lies behind `after`, at most `max` records, and what the reader has not been told.
    pub(crate) fn take(&self, after: Position, max: usize, told: Told) -> Taken {
        let state = self.state();
        if state.resets > told.resets {
            return Taken::Reset;
        }
        if let Some((number, stream, to)) = state.deleted.iter().find(|(number, ..)| *number > told.deletions)
        {
            return Taken::Deleted { number: *number, stream: stream.clone(), to: *to };
        }
        if after < state.floor {
            return Taken::Behind;
        }
        let first = state.records.partition_point(|record| record.position() <= after);
        let waiting = state.records.len() - first;
        if waiting == 0 {
            return if state.closed { Taken::Closed } else { Taken::Nothing { upto: state.head.max(after) } };
        }
        let records: Vec<_> = state.records.range(first..).take(max).cloned().collect();
        let upto = records.last().map_or(after, Record::position);
        Taken::Records { records, upto, waiting }
    }

    /// How many records lie behind `after`; `None` where the log must be read for them.
    pub(crate) fn waiting(&self, after: Position) -> Option<usize> {
        let state = self.state();
        let first = state.records.partition_point(|record| record.position() <= after);
        (after >= state.floor).then(|| state.records.len() - first)
    }

    /// Waits until [`Ring::take`] may give something other than `Nothing`.
    pub(crate) async fn changed(&self, after: Position, told: Told) {
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            {
                let state = self.state();
                let newer = state.records.back().is_some_and(|last| last.position() > after);
                let untold = state.deletions > told.deletions || state.resets > told.resets;
                if newer || untold || state.closed || after < state.floor {
                    return;
                }
            }
            notified.await;
        }
    }

    fn evict(&self, state: &mut State) {
        if let Some(oldest) = state.records.pop_front() {
            state.floor = oldest.position();
            self.total.fetch_sub(size(&oldest), Ordering::Relaxed);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let held: usize = self.state().records.iter().map(size).sum();
        self.total.fetch_sub(held, Ordering::Relaxed);
    }
}

/// What a record weighs in memory, about.
fn size(record: &Record) -> usize {
    record.weight()
}

#[cfg(test)]
mod tests {
    use headwater_events::{Class, Event, Mark, Tenant};
    use jiff::Timestamp;

    use super::*;

    fn record(position: u64) -> Record {
        let stream = StreamName::new("run").unwrap();
        let event =
            Event::builder("/test", "note.v1").tenant(&Tenant::default()).stream(&stream).build().unwrap();
        Record::new(event, Position(position), Timestamp::UNIX_EPOCH, Class::Durable, Mark::None)
    }

    fn ring(capacity: usize) -> (Ring, Arc<AtomicUsize>) {
        let total = Arc::new(AtomicUsize::new(0));
        (Ring::new(Position(10), capacity, Arc::clone(&total)), total)
    }

    fn fill(ring: &Ring, positions: std::ops::Range<u64>) {
        for at in positions {
            ring.push(&record(at));
        }
    }

    fn positions(taken: Taken) -> Vec<u64> {
        match taken {
            Taken::Records { records, .. } => records.iter().map(|record| record.position().0).collect(),
            other => panic!("expected records, got {other:?}"),
        }
    }

    #[test]
    fn a_reader_gets_what_lies_behind_it_and_no_more_than_it_asked_for() {
        let (ring, _) = ring(8);
        fill(&ring, 11..15);
        assert_eq!(positions(ring.take(Position(12), 8, Told::default())), [13, 14]);
        assert_eq!(positions(ring.take(Position(10), 2, Told::default())), [11, 12]);
        assert!(matches!(ring.take(Position(14), 8, Told::default()), Taken::Nothing { upto: Position(14) }));
    }

    #[test]
    fn a_reader_before_the_floor_is_sent_to_the_log() {
        let (ring, _) = ring(2);
        assert!(matches!(ring.take(Position(9), 8, Told::default()), Taken::Behind));
        fill(&ring, 11..15);
        assert!(matches!(ring.take(Position(11), 8, Told::default()), Taken::Behind));
        assert_eq!(positions(ring.take(Position(12), 8, Told::default())), [13, 14]);
    }

    #[test]
    fn bytes_are_given_back_by_eviction_deletion_and_drop() {
        let (ring, total) = ring(4);
        fill(&ring, 11..31);
        let full = total.load(Ordering::Relaxed);
        ring.shrink();
        assert!(total.load(Ordering::Relaxed) < full);
        ring.deleted(&StreamName::new("run").unwrap(), Position(30));
        assert_eq!(total.load(Ordering::Relaxed), 0);
        ring.push(&record(31));
        drop(ring);
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_deletion_is_told_once_and_only_to_those_who_were_there() {
        let (ring, _) = ring(4);
        let there = ring.told();
        ring.deleted(&StreamName::new("run").unwrap(), Position(12));
        let Taken::Deleted { number, to, .. } = ring.take(Position(11), 8, there) else { panic!("not told") };
        assert_eq!(to, Position(12));
        assert!(matches!(
            ring.take(Position(12), 8, Told { deletions: number, resets: 0 }),
            Taken::Nothing { .. }
        ));
        assert!(matches!(ring.take(Position(12), 8, ring.told()), Taken::Nothing { .. }));
    }

    #[test]
    fn readers_are_woken_once_for_many_records() {
        let (ring, _) = ring(4);
        assert!(ring.push(&record(11)));
        assert!(!ring.push(&record(12)));
        ring.wake();
        assert!(ring.push(&record(13)));
    }

    #[tokio::test]
    async fn a_waiting_reader_wakes_for_a_record_that_came_just_before_it_waited() {
        let (ring, _) = ring(4);
        ring.push(&record(11));
        ring.wake();
        ring.changed(Position(10), Told::default()).await;
    }
}
