//! What a lane gives out.

use headwater_events::Position;
use headwater_store::Record;
use tokio::time::Instant;

use super::{Flight, LaneWork};
use crate::{
    api::groups::Leased,
    groups::{
        lease::Lease,
        lost::Lost,
        run::Run,
        state::{Held, LaneState, MAX_BYTES, MAX_HELD},
    },
};

impl LaneWork {
    /// The runs that could be delivered if their events were at hand.
    pub(in crate::groups) fn wanting(&self, max: usize) -> Vec<Run> {
        let wants = |run: &&Run| {
            let current = self.state.held.get(*run).and_then(Held::current);
            current.is_some_and(|position| self.queues.first(run, position).is_none())
        };
        self.ready.iter().take(max).filter(wants).cloned().collect()
    }

    /// Gives out up to `max` events.
    pub(in crate::groups) fn give(
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
            let Some(held) = self.state.held.get(&run) else { continue };
            if !held.is_ready(now_ms) {
                // The clock may have been put back.
                if !held.in_flight && !held.parked {
                    self.due.insert((held.due_ms, run));
                }
                continue;
            }
            let Some(position) = held.current() else { continue };
            if held.attempt >= max_attempts {
                lost.push(Lost::of(
                    self.lane,
                    &run,
                    position,
                    held,
                    "every attempt was spent without an answer",
                ));
                // Should its letter not be stored, its turn comes again.
                self.due.insert((held.due_ms, run));
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
            let letter = held.reopened.first().map(|reopened| reopened.letter);
            replay_of = letter.filter(|letter| *letter != Position::ZERO);
        }
        self.flights.insert(position, Flight { run, until });
        self.dirty = true;
        let lease = Lease { lane: self.lane, fence: self.state.fence, position, attempt };
        Leased { lease, fence: self.state.fence, attempt, replay_of, record }
    }
}

fn run_of(record: &Record) -> Option<Run> {
    let event = record.event();
    Some(Run::new(event.tenant_name().ok()?, event.stream_name().ok()?))
}
