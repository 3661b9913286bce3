//! What is stored of one lane of a group: one value, written with compare-and-set.

use bytes::Bytes;
use headwater_events::{Epoch, GroupName, Position, StreamName, Tenant};

use super::{
    codec::{Reader, Writer},
    run::{ByRun, Run},
};
use crate::api::groups::WorkerName;

/// Marks and lease of a lane.
///
/// Everything at or before the mark is acked, but for what the held runs have open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LaneState {
    /// The numbering the positions belong to.
    pub(super) epoch: Epoch,
    pub(super) mark: Position,
    /// Grows with every change of the owner.
    pub(super) fence: u64,
    pub(super) owner: Option<Owner>,
    pub(super) held: ByRun<Held>,
}

/// Who has a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) worker: WorkerName,
    pub(super) session: u64,
    /// Grows while the owner lives, so that the value changes.
    pub(super) beat: u64,
}

/// A run that is not done up to the mark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Held {
    /// Dead letters that live again: before everything else, in order.
    pub(super) reopened: Vec<Reopened>,
    /// The run's events from here up to the mark are open; `None` where only reopened ones are.
    pub(super) from: Option<Position>,
    /// How often the first open event was delivered.
    pub(super) attempt: u32,
    /// It is with a worker.
    pub(super) in_flight: bool,
    /// It is not delivered before this time, in milliseconds since the Unix epoch.
    pub(super) due_ms: i64,
    /// When it failed first, in milliseconds since the Unix epoch; 0 if it has not.
    pub(super) failed_ms: i64,
    /// Waits until a dead letter of it is replayed or discarded.
    pub(super) parked: bool,
}

/// An event that was dead-lettered and is to be handled all the same, or one that was begun before such ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reopened {
    pub(super) position: Position,
    /// Where its dead letter stands, zero if it has none.
    pub(super) letter: Position,
}

impl Held {
    /// The first event that is open, or may be.
    pub(super) fn current(&self) -> Option<Position> {
        self.reopened.first().map(|reopened| reopened.position).or(self.from)
    }

    /// Whether it may be delivered at a time.
    pub(super) fn is_ready(&self, now_ms: i64) -> bool {
        !self.in_flight && !self.parked && self.due_ms <= now_ms
    }

    /// The first open event is settled for good: what comes next begins afresh.
    pub(super) fn next(&mut self) {
        if !self.reopened.is_empty() {
            self.reopened.remove(0);
        } else if let Some(from) = &mut self.from {
            *from = from.next();
        }
        self.begin();
    }

    /// Nothing has been done yet about the first open event.
    pub(super) fn begin(&mut self) {
        (self.attempt, self.in_flight, self.due_ms, self.failed_ms) = (0, false, 0, 0);
    }

    /// Another life for a dead letter.
    pub(super) fn reopen(&mut self, reopened: Reopened) {
        if !self.reopened.contains(&reopened) {
            // The first open event is somebody's, or has spent attempts: they stay its own, so it is not moved.
            let begun = self.in_flight || self.attempt > 0;
            if begun
                && self.reopened.is_empty()
                && let Some(from) = &mut self.from
            {
                self.reopened.push(Reopened { position: *from, letter: Position::ZERO });
                *from = from.next();
            }
            self.reopened.push(reopened);
            self.reopened[usize::from(begun)..].sort_unstable();
        }
        self.parked = false;
    }
}

const VERSION: u8 = 1;
/// The most runs that one lane may hold: then it waits.
pub(super) const MAX_HELD: usize = 1_000;
/// The most bytes one lane's value may have, with room for one more run below what a state store takes.
pub(super) const MAX_BYTES: usize = 60 * 1024;

impl LaneState {
    pub(super) fn new(epoch: Epoch, mark: Position) -> Self {
        Self { epoch, mark, fence: 0, owner: None, held: ByRun::default() }
    }

    /// About how many bytes a held run costs.
    pub(super) fn cost(run: &Run, held: &Held) -> usize {
        run.tenant.as_str().len() + run.stream.as_str().len() + 40 + 20 * held.reopened.len()
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut out = Writer::new(VERSION);
        out.number(u64::from(self.epoch.0)).number(self.mark.0).number(self.fence);
        match &self.owner {
            None => out.number(0),
            Some(owner) => out.number(1).text(owner.worker.as_str()).number(owner.session).number(owner.beat),
        };
        out.number(self.held.len() as u64);
        for (run, held) in &self.held {
            out.text(run.tenant.as_str()).text(run.stream.as_str());
            let flags =
                u64::from(held.in_flight) | u64::from(held.parked) << 1 | u64::from(held.from.is_some()) << 2;
            out.number(flags).number(u64::from(held.attempt));
            out.number(held.from.unwrap_or_default().0).signed(held.due_ms).signed(held.failed_ms);
            out.number(held.reopened.len() as u64);
            for reopened in &held.reopened {
                out.number(reopened.position.0).number(reopened.letter.0);
            }
        }
        out.finish()
    }

    /// `None` where the bytes are not a lane's state of a version we know.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes, VERSION)?;
        let epoch = Epoch(u32::try_from(from.number()?).ok()?);
        let (mark, fence) = (Position(from.number()?), from.number()?);
        let owner = match from.number()? {
            0 => None,
            _ => Some(Owner {
                worker: GroupName::new(from.text()?.to_owned()).ok()?,
                session: from.number()?,
                beat: from.number()?,
            }),
        };
        let mut held = ByRun::default();
        for _ in 0..from.number()? {
            let tenant = Tenant::new(from.text()?.to_owned()).ok()?;
            let run = Run::new(tenant, StreamName::new(from.text()?.to_owned()).ok()?);
            let flags = from.number()?;
            let attempt = u32::try_from(from.number()?).ok()?;
            let open = Position(from.number()?);
            let (due_ms, failed_ms) = (from.signed()?, from.signed()?);
            let mut reopened = Vec::new();
            for _ in 0..from.number()? {
                reopened
                    .push(Reopened { position: Position(from.number()?), letter: Position(from.number()?) });
            }
            let one = Held {
                reopened,
                from: (flags & 4 != 0).then_some(open),
                attempt,
                in_flight: flags & 1 != 0,
                due_ms,
                failed_ms,
                parked: flags & 2 != 0,
            };
            held.insert(run, one);
        }
        from.is_done().then_some(Self { epoch, mark, fence, owner, held })
    }
}
