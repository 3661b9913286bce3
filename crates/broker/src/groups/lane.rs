//! One lane of a group as a process works on it.
//!
//! What is here follows from the stored state and the log; a process that loses the state to another one reads it
//! again. Nothing that was changed here counts before it is stored.

mod give;
#[cfg(test)]
mod tests;
mod verdict;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use headwater_events::{Epoch, Lane, Position};
use headwater_store::{GapReason, ReadScope, Record, StateEntry, Version};
use tokio::time::Instant;

use super::{
    queue::Queues,
    run::Run,
    state::{LaneState, Owner},
};
use crate::api::groups::{GroupGap, WorkerName};

/// A lane's state, what of the log is at hand, and who has what.
pub(super) struct LaneWork {
    pub(super) lane: Lane,
    pub(super) scope: ReadScope,
    pub(super) state: LaneState,
    pub(super) version: Option<Version>,
    /// Changed since it was stored.
    pub(super) dirty: bool,
    /// Another process changed it, or the outcome of a write is not known.
    pub(super) stale: bool,
    /// Its value is being stored: until that is done nothing of it may change.
    pub(super) writing: bool,
    /// It is not stored again before this time.
    pub(super) rests_until: Option<Instant>,
    /// When its value was seen to change last.
    pub(super) seen: Instant,
    /// Its owner is to have fewer lanes: nothing more is given out.
    pub(super) draining: bool,
    /// Events behind the mark, in order, up to `read_to`.
    pub(super) ahead: VecDeque<Record>,
    pub(super) read_to: Position,
    /// There may be more behind `read_to`.
    pub(super) more: bool,
    /// What is behind `read_to` is being read.
    pub(super) reading: bool,
    /// More may have come since that began.
    pub(super) touched: bool,
    /// Which life of what is read: what was read for another one is thrown away.
    pub(super) life: u64,
    /// When the mark was last compared with the end of the log.
    pub(super) compared: Option<Instant>,
    pub(super) queues: Queues,
    /// Told with the next answer.
    pub(super) gaps: Vec<GroupGap>,
    flights: HashMap<Position, Flight>,
    ready: VecDeque<Run>,
    due: BTreeSet<(i64, Run)>,
    bytes: usize,
}

/// A delivery that is not settled.
struct Flight {
    run: Run,
    until: Instant,
}

impl LaneWork {
    /// A lane as it is stored, or at its beginning.
    pub(super) fn new(lane: Lane, scope: ReadScope, begin: (Epoch, Position), now: Instant) -> Self {
        Self {
            lane,
            scope,
            state: LaneState::new(begin.0, begin.1),
            version: None,
            dirty: false,
            stale: false,
            writing: false,
            rests_until: None,
            seen: now,
            draining: false,
            ahead: VecDeque::new(),
            read_to: begin.1,
            more: true,
            reading: false,
            touched: false,
            life: 0,
            compared: None,
            queues: Queues::default(),
            gaps: Vec::new(),
            flights: HashMap::new(),
            ready: VecDeque::new(),
            due: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Takes what is stored now. What is with workers stays with them for another lease.
    pub(super) fn load(
        &mut self,
        stored: Option<&StateEntry>,
        begin: (Epoch, Position),
        now: Instant,
        lease: Duration,
    ) {
        let state = stored.and_then(|entry| LaneState::decode(&entry.value));
        if stored.is_some() && state.is_none() {
            tracing::error!(lane = %self.lane, "a lane's state cannot be read: the group begins it anew");
        }
        let (draining, life) = (self.draining, self.life + 1);
        let gaps = std::mem::take(&mut self.gaps);
        *self = Self::new(self.lane, self.scope.clone(), begin, now);
        (self.draining, self.gaps, self.life) = (draining, gaps, life);
        self.version = stored.map(|entry| entry.version);
        self.state = state.unwrap_or_else(|| LaneState::new(begin.0, begin.1));
        self.read_to = self.state.mark;
        self.index(now + lease);
    }

    /// Derives from the state what is looked up.
    fn index(&mut self, until: Instant) {
        (self.ready, self.due, self.flights) = Default::default();
        self.bytes = 0;
        for (run, held) in &self.state.held {
            self.bytes += LaneState::cost(run, held);
            match held.current() {
                Some(position) if held.in_flight => {
                    self.flights.insert(position, Flight { run: run.clone(), until });
                }
                _ if held.parked => {}
                _ => {
                    self.due.insert((held.due_ms, run.clone()));
                }
            }
        }
    }

    /// The log's numbering is another one, or ends before the mark: the group goes on at the oldest.
    pub(super) fn begin_anew(&mut self, epoch: Epoch) {
        let gap = GroupGap {
            lane: self.lane.0,
            from: self.state.mark,
            to: Position::ZERO,
            reason: GapReason::Reset,
            stream: None,
        };
        let (owner, fence) = (self.state.owner.take(), self.state.fence + 1);
        self.state = LaneState { fence, owner, ..LaneState::new(epoch, Position::ZERO) };
        (self.read_to, self.more, self.dirty) = (Position::ZERO, true, true);
        (self.ahead, self.queues) = Default::default();
        (self.reading, self.life) = (false, self.life + 1);
        self.index(self.seen);
        self.gaps.push(gap);
    }

    pub(super) fn is_of(&self, worker: &WorkerName) -> bool {
        self.state.owner.as_ref().is_some_and(|owner| owner.worker == *worker)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Another owner, or none. What was with the last one can be delivered again.
    pub(super) fn change_owner(&mut self, owner: Option<Owner>) {
        self.state.fence += 1;
        self.state.owner = owner;
        self.draining = false;
        for held in self.state.held.values_mut().filter(|held| held.in_flight) {
            (held.in_flight, held.due_ms) = (false, 0);
        }
        self.index(self.seen);
        self.dirty = true;
    }

    /// Says in the stored value that the owner lives.
    pub(super) fn beat(&mut self) {
        if let Some(owner) = &mut self.state.owner {
            owner.beat += 1;
            self.dirty = true;
        }
    }

    /// When something of it is due next.
    pub(super) fn next_due(&self) -> Option<i64> {
        if self.ready.is_empty() { self.due.first().map(|(due, _)| *due) } else { Some(i64::MIN) }
    }

    /// Puts what has become due where it is taken from.
    pub(super) fn wake(&mut self, now_ms: i64) {
        while let Some((due, _)) = self.due.first()
            && *due <= now_ms
            && let Some((_, run)) = self.due.pop_first()
        {
            self.ready.push_back(run);
        }
    }

    pub(super) fn encoded(&self) -> Bytes {
        self.state.encode()
    }
}
