//! What becomes of a lane's deliveries.

use headwater_events::Position;
use headwater_store::Record;
use tokio::time::Instant;

use super::LaneWork;
use crate::{
    api::groups::{Refused, Verdict},
    groups::{
        lease::Lease,
        lost::Lost,
        queue::Next,
        run::Run,
        state::{Held, LaneState, Reopened},
    },
};

impl LaneWork {
    /// A delivery that nobody has got: as if it had not been made.
    pub(in crate::groups) fn take_back(&mut self, lease: &Lease) {
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
    pub(in crate::groups) fn holds(&self, lease: &Lease) -> Result<(), Refused> {
        self.held_by(lease).map(drop)
    }

    /// The delivery goes on for another lease.
    pub(in crate::groups) fn extend(&mut self, lease: &Lease, until: Instant) -> Result<(), Refused> {
        self.held_by(lease)?;
        if let Some(flight) = self.flights.get_mut(&lease.position) {
            flight.until = until;
        }
        Ok(())
    }

    /// Takes what a worker says of a delivery. What is to be dead-lettered stays as it is until it has been.
    pub(in crate::groups) fn settle(
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
    pub(in crate::groups) fn expire(&mut self, now: Instant, now_ms: i64, max_attempts: u32) -> Vec<Lost> {
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
    pub(in crate::groups) fn buried(&mut self, run: &Run, position: Position, park: bool) {
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
    pub(in crate::groups) fn refill(&mut self, run: &Run, records: Vec<Record>, whole: bool) {
        let Some(held) = self.state.held.get_mut(run) else { return };
        match records.first() {
            Some(first) => {
                let found = Some(first.position());
                if held.reopened.is_empty() && held.from != found {
                    if let Some(gone) = std::mem::replace(&mut held.from, found)
                        && held.in_flight
                    {
                        self.flights.remove(&gone);
                    }
                    if held.attempt > 0 {
                        // They were the attempts of an event that the log no longer has.
                        held.begin();
                        self.ready.push_back(run.clone());
                        self.dirty = true;
                    }
                }
                self.queues.begin(run.clone(), records, whole);
            }
            None => self.forget(run),
        }
    }

    /// The run's first open event is nowhere to be found, or it has none.
    fn forget(&mut self, run: &Run) {
        let Some(held) = self.state.held.get_mut(run) else { return };
        if let Some(gone) = held.current().filter(|_| held.in_flight) {
            self.flights.remove(&gone);
        }
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
    pub(in crate::groups) fn raise(&mut self, run: Run, letter: Option<Reopened>) {
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
}
