//! One lane of a group as a process works on it.
//!
//! What is here follows from the stored state and the log; a process that loses the state to another one reads it
//! again. Nothing that was changed here counts before it is stored.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use headwater_events::{Epoch, Lane, Position};
use headwater_store::{GapReason, ReadScope, Record, StateEntry, Version};
use tokio::time::Instant;

use super::{
    lease::Lease,
    lost::Lost,
    queue::{Next, Queues},
    run::Run,
    state::{Held, LaneState, MAX_BYTES, MAX_HELD, Owner},
};
use crate::api::groups::{GroupGap, Leased, Refused, Verdict, WorkerName};

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
    /// When its value was seen to change last.
    pub(super) seen: Instant,
    /// Its owner is to have fewer lanes: nothing more is given out.
    pub(super) draining: bool,
    /// Events behind the mark, in order, up to `read_to`.
    pub(super) ahead: VecDeque<Record>,
    pub(super) read_to: Position,
    /// There may be more behind `read_to`.
    pub(super) more: bool,
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
            seen: now,
            draining: false,
            ahead: VecDeque::new(),
            read_to: begin.1,
            more: true,
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
        let draining = self.draining;
        let gaps = std::mem::take(&mut self.gaps);
        *self = Self::new(self.lane, self.scope.clone(), begin, now);
        (self.draining, self.gaps) = (draining, gaps);
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

    /// The runs that could be delivered if their events were at hand.
    pub(super) fn wanting(&self, max: usize) -> Vec<Run> {
        let wants = |run: &&Run| {
            let current = self.state.held.get(*run).and_then(Held::current);
            current.is_some_and(|position| self.queues.first(run, position).is_none())
        };
        self.ready.iter().take(max).filter(wants).cloned().collect()
    }

    /// Gives out up to `max` events.
    pub(super) fn give(
        &mut self,
        max: usize,
        now_ms: i64,
        until: Instant,
        max_attempts: u32,
        lost: &mut Vec<Lost>,
    ) -> Vec<Leased> {
        let mut out = Vec::new();
        let mut put_off = Vec::new();
        while out.len() < max
            && let Some(run) = self.ready.pop_front()
        {
            let Some(held) = self.state.held.get_mut(&run).filter(|held| held.is_ready(now_ms)) else {
                continue;
            };
            let Some(position) = held.current() else { continue };
            if held.attempt >= max_attempts {
                lost.push(Lost::of(
                    self.lane,
                    &run,
                    position,
                    held,
                    "every attempt was spent without an answer",
                ));
                continue;
            }
            match self.queues.first(&run, position).cloned() {
                Some(record) => out.push(self.deliver(run, record, until)),
                None => put_off.push(run),
            }
        }
        self.ready.extend(put_off);
        while out.len() < max && self.state.held.len() < MAX_HELD && self.bytes < MAX_BYTES {
            let Some(record) = self.ahead.pop_front() else { break };
            self.state.mark = record.position();
            let Some(run) = run_of(&record) else { continue };
            if let Some(held) = self.state.held.get_mut(&run) {
                if held.from.is_none() {
                    held.from = Some(record.position());
                }
                if held.reopened.is_empty() {
                    self.queues.push(&run, record);
                } else {
                    self.queues.end(&run);
                }
                continue;
            }
            let held = Held { from: Some(record.position()), ..Held::default() };
            self.bytes += LaneState::cost(&run, &held);
            self.state.held.insert(run.clone(), held);
            self.queues.begin(run.clone(), [record.clone()], true);
            out.push(self.deliver(run, record, until));
        }
        if self.ahead.is_empty() {
            self.state.mark = self.state.mark.max(self.read_to);
        }
        out
    }

    fn deliver(&mut self, run: Run, record: Record, until: Instant) -> Leased {
        let position = record.position();
        let (mut attempt, mut replay_of) = (1, None);
        if let Some(held) = self.state.held.get_mut(&run) {
            held.attempt += 1;
            held.in_flight = true;
            attempt = held.attempt;
            replay_of = held.reopened.first().map(|reopened| reopened.letter);
        }
        self.flights.insert(position, Flight { run, until });
        self.dirty = true;
        let lease = Lease { lane: self.lane, fence: self.state.fence, position, attempt };
        Leased { lease, fence: self.state.fence, attempt, replay_of, record }
    }

    /// A delivery that nobody has got: as if it had not been made.
    pub(super) fn take_back(&mut self, lease: &Lease) {
        if let Ok(run) = self.held_by(lease) {
            self.back(&run, 0, true);
        }
    }

    fn held_by(&self, lease: &Lease) -> Result<Run, Refused> {
        let flight = self.flights.get(&lease.position).filter(|_| lease.fence == self.state.fence);
        let run = flight.map(|flight| &flight.run).ok_or(Refused::NotHeld)?;
        let held = self.state.held.get(run).ok_or(Refused::NotHeld)?;
        let same = held.in_flight && held.attempt == lease.attempt && held.current() == Some(lease.position);
        if same { Ok(run.clone()) } else { Err(Refused::NotHeld) }
    }

    /// Whether a delivery is with its worker.
    pub(super) fn holds(&self, lease: &Lease) -> Result<(), Refused> {
        self.held_by(lease).map(drop)
    }

    /// The delivery goes on for another lease.
    pub(super) fn extend(&mut self, lease: &Lease, until: Instant) -> Result<(), Refused> {
        self.held_by(lease)?;
        if let Some(flight) = self.flights.get_mut(&lease.position) {
            flight.until = until;
        }
        Ok(())
    }

    /// Takes what a worker says of a delivery. What is to be dead-lettered stays as it is until it has been.
    pub(super) fn settle(
        &mut self,
        lease: &Lease,
        verdict: &Verdict,
        now_ms: i64,
        max_attempts: u32,
    ) -> Result<Option<Lost>, Refused> {
        let run = self.held_by(lease)?;
        let Some(held) = self.state.held.get_mut(&run) else { return Err(Refused::NotHeld) };
        match verdict {
            Verdict::Ack => self.done(&run),
            Verdict::Release => self.back(&run, 0, true),
            Verdict::Retry { after, reason } => {
                if held.failed_ms == 0 {
                    held.failed_ms = now_ms;
                }
                if held.attempt >= max_attempts {
                    let reason = reason.as_deref().unwrap_or("every attempt failed");
                    return Ok(Some(Lost::of(self.lane, &run, lease.position, held, reason)));
                }
                let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
                self.back(&run, now_ms.saturating_add(after), false);
            }
            Verdict::Reject { reason } => {
                if held.failed_ms == 0 {
                    held.failed_ms = now_ms;
                }
                return Ok(Some(Lost::of(self.lane, &run, lease.position, held, reason)));
            }
        }
        Ok(None)
    }

    /// Deliveries whose lease has passed without a word come again, as long as they have attempts left.
    pub(super) fn expire(&mut self, now: Instant, now_ms: i64, max_attempts: u32) -> Vec<Lost> {
        let late: Vec<Run> = self
            .flights
            .values()
            .filter(|flight| flight.until <= now)
            .map(|flight| flight.run.clone())
            .collect();
        let mut lost = Vec::new();
        for run in late {
            let Some(held) = self.state.held.get_mut(&run) else { continue };
            let Some(position) = held.current() else { continue };
            if held.failed_ms == 0 {
                held.failed_ms = now_ms;
            }
            if held.attempt >= max_attempts {
                lost.push(Lost::of(self.lane, &run, position, held, "its lease passed without an answer"));
            } else {
                self.back(&run, 0, false);
            }
        }
        lost
    }

    /// The dead letter of a run's first open event has been stored.
    pub(super) fn buried(&mut self, run: &Run, position: Position, park: bool) {
        if self.state.held.get(run).and_then(Held::current) != Some(position) {
            return;
        }
        if park {
            // What follows is open whether there is anything yet or not.
            self.flights.remove(&position);
            self.queues.end(run);
            if let Some(held) = self.state.held.get_mut(run) {
                held.next();
                held.from = held.from.or(Some(position.next()));
                held.parked = true;
            }
            self.dirty = true;
        } else {
            self.done(run);
        }
    }

    /// The run's first open event is settled for good.
    fn done(&mut self, run: &Run) {
        let Some(held) = self.state.held.get_mut(run) else { return };
        if let Some(position) = held.current() {
            self.flights.remove(&position);
        }
        let reopened = !held.reopened.is_empty();
        held.next();
        self.dirty = true;
        let next = if reopened {
            self.queues.end(run);
            if held.current().is_none() { Next::None } else { Next::Unknown }
        } else {
            self.queues.pop(run)
        };
        match next {
            Next::None => {
                self.bytes = self.bytes.saturating_sub(LaneState::cost(run, held));
                self.state.held.remove(run);
                self.queues.end(run);
            }
            Next::At(position) => {
                held.from = Some(position);
                self.ready.push_back(run.clone());
            }
            Next::Unknown => self.ready.push_back(run.clone()),
        }
    }

    /// The run's first open event waits to be delivered again.
    fn back(&mut self, run: &Run, due_ms: i64, unspent: bool) {
        let Some(held) = self.state.held.get_mut(run) else { return };
        if let Some(position) = held.current() {
            self.flights.remove(&position);
        }
        held.in_flight = false;
        held.due_ms = due_ms;
        if unspent {
            held.attempt = held.attempt.saturating_sub(1);
        }
        self.due.insert((due_ms, run.clone()));
        self.dirty = true;
    }

    /// The events that are open at the head of a run were read: `None` where there are none up to the mark.
    pub(super) fn refill(&mut self, run: &Run, records: Vec<Record>, whole: bool) {
        let Some(held) = self.state.held.get_mut(run) else { return };
        match records.first() {
            Some(first) => {
                if held.reopened.is_empty() {
                    held.from = Some(first.position());
                }
                self.queues.begin(run.clone(), records, whole);
            }
            None => self.forget(run),
        }
    }

    /// The run's first open event is nowhere to be found, or it has none.
    fn forget(&mut self, run: &Run) {
        let Some(held) = self.state.held.get_mut(run) else { return };
        if held.reopened.is_empty() {
            self.bytes = self.bytes.saturating_sub(LaneState::cost(run, held));
            self.state.held.remove(run);
        } else {
            held.next();
            if held.current().is_none() {
                self.state.held.remove(run);
            } else {
                self.ready.push_back(run.clone());
            }
        }
        self.queues.end(run);
        self.dirty = true;
    }

    /// Another life for a dead letter, or an end to its waiting.
    pub(super) fn raise(&mut self, run: Run, letter: Option<super::state::Reopened>) {
        let held = self.state.held.entry(run.clone()).or_default();
        match letter {
            Some(reopened) => held.reopen(reopened),
            None => held.parked = false,
        }
        let (nothing, waits, due_ms) = (held.current().is_none(), held.in_flight, held.due_ms);
        self.queues.end(&run);
        if nothing {
            self.state.held.remove(&run);
        } else if !waits {
            self.due.insert((due_ms, run));
        }
        self.dirty = true;
    }

    pub(super) fn encoded(&self) -> Bytes {
        self.state.encode()
    }
}

fn run_of(record: &Record) -> Option<Run> {
    let event = record.event();
    Some(Run::new(event.tenant_name().ok()?, event.stream_name().ok()?))
}
