//! The events of a kind in the order of their appends: the oldest go first.

use std::collections::VecDeque;

use headwater_events::Position;

use super::stream::StreamId;
use crate::Record;

/// Entries are no references: one whose event went with its stream is stale and costs little until it is swept.
#[derive(Default)]
pub(super) struct Order {
    entries: VecDeque<(Position, StreamId)>,
    /// How many events are kept.
    pub(super) events: usize,
    /// Their encoded bytes.
    pub(super) size: usize,
    /// What they occupy.
    pub(super) weight: usize,
}

impl Order {
    pub(super) fn push(&mut self, record: &Record, stream: StreamId) {
        self.entries.push_back((record.position(), stream));
        self.events += 1;
        self.size += record.size();
        self.weight += record.weight();
    }

    /// An event is kept no longer.
    pub(super) fn forget(&mut self, record: &Record) {
        self.events -= 1;
        self.size -= record.size();
        self.weight -= record.weight();
    }

    pub(super) fn oldest(&self) -> Option<(Position, StreamId)> {
        self.entries.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.entries.pop_front();
    }

    /// Sweeps stale entries once they are the greater part.
    pub(super) fn sweep(&mut self, is_kept: impl Fn(Position, StreamId) -> bool) {
        if self.entries.len() > 2 * self.events + 1024 {
            self.entries.retain(|&(position, stream)| is_kept(position, stream));
        }
    }
}
