//! The open events of held runs that are at hand.

use std::collections::VecDeque;

use headwater_events::Position;
use headwater_store::Record;

use super::run::{ByRun, Run};

/// How many events of one run are kept at hand.
const MAX_EVENTS: usize = 64;
/// How many bytes all runs of a lane may keep at hand; beyond them a run's events are read again when their turn comes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Open events by run, in order.
#[derive(Default)]
pub(super) struct Queues {
    runs: ByRun<Queue>,
    bytes: usize,
}

#[derive(Default)]
struct Queue {
    records: VecDeque<Record>,
    /// Every open event of the run is in it.
    whole: bool,
}

impl Queues {
    /// A run begins to be held, with everything that it has open.
    pub(super) fn begin(&mut self, run: Run, records: impl IntoIterator<Item = Record>, whole: bool) {
        self.end(&run);
        let records: VecDeque<_> = records.into_iter().collect();
        self.bytes += records.iter().map(Record::weight).sum::<usize>();
        self.runs.insert(run, Queue { records, whole });
    }

    /// The run has one more open event.
    pub(super) fn push(&mut self, run: &Run, record: Record) {
        let Some(queue) = self.runs.get_mut(run) else { return };
        let room = queue.records.len() < MAX_EVENTS && self.bytes + record.weight() <= MAX_BYTES;
        if queue.whole && room {
            self.bytes += record.weight();
            queue.records.push_back(record);
        } else {
            queue.whole = false;
        }
    }

    /// The run's event at a position, if it is the first at hand.
    pub(super) fn first(&self, run: &Run, position: Position) -> Option<&Record> {
        self.runs.get(run)?.records.front().filter(|record| record.position() == position)
    }

    /// The first event is done. Gives where the next one stands, or that there is none, as far as it is known.
    pub(super) fn pop(&mut self, run: &Run) -> Next {
        let Some(queue) = self.runs.get_mut(run) else { return Next::Unknown };
        if let Some(record) = queue.records.pop_front() {
            self.bytes -= record.weight();
        }
        match queue.records.front() {
            Some(next) => Next::At(next.position()),
            None if queue.whole => Next::None,
            None => Next::Unknown,
        }
    }

    /// What is at hand no longer begins with the run's first open event.
    pub(super) fn end(&mut self, run: &Run) {
        if let Some(queue) = self.runs.remove(run) {
            self.bytes -= queue.records.iter().map(Record::weight).sum::<usize>();
        }
    }
}

/// What comes behind a run's first open event.
pub(super) enum Next {
    At(Position),
    None,
    /// Must be read.
    Unknown,
}
