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
    /// Something was pushed since readers were woken.
    dirty: bool,
    closed: bool,
}

/// What a reader gets from its ring.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Records behind the reader's position, and the place up to which the ring is complete with them.
    Records {
        records: Vec<Record>,
        upto: Position,
        waiting: usize,
    },
    /// Nothing new; the scope is complete up to the place.
    Nothing { upto: Position },
    /// The reader is behind the floor: it must read the log.
    Behind,
    /// A stream of the scope was deleted behind the reader's position.
    Deleted {
        number: u64,
        stream: StreamName,
        to: Position,
    },
    /// The hub was closed and everything at hand was taken.
    Closed,
}

impl Ring {
    pub(super) fn new(floor: Position, capacity: usize, total: Arc<AtomicUsize>) -> Self {
        let state = State {
            floor,
            head: floor,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            capacity,
            total,
        }
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

    /// How many deletions there were: what a reader that comes now need not be told.
    pub(crate) fn deletions(&self) -> u64 {
        self.state().deletions
    }

    /// Takes what lies behind `after`, at most `max` records. A deletion is told when its number is above `told`.
    pub(crate) fn take(&self, after: Position, max: usize, told: u64) -> Taken {
        let state = self.state();
        if let Some((number, stream, to)) = state.deleted.iter().find(|(number, ..)| *number > told) {
            return Taken::Deleted {
                number: *number,
                stream: stream.clone(),
                to: *to,
            };
        }
        if after < state.floor {
            return Taken::Behind;
        }
        let first = state.records.partition_point(|record| record.position() <= after);
        let waiting = state.records.len() - first;
        if waiting == 0 {
            return if state.closed {
                Taken::Closed
            } else {
                Taken::Nothing {
                    upto: state.head.max(after),
                }
            };
        }
        let records: Vec<_> = state.records.range(first..).take(max).cloned().collect();
        let upto = records.last().map_or(after, Record::position);
        Taken::Records {
            records,
            upto,
            waiting,
        }
    }

    /// Waits until [`Ring::take`] may give something other than `Nothing`.
    pub(crate) async fn changed(&self, after: Position, told: u64) {
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            {
                let state = self.state();
                let newer = state.records.back().is_some_and(|last| last.position() > after);
                if newer || state.deletions > told || state.closed || after < state.floor {
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
    record.event().json().len() + 512
}
