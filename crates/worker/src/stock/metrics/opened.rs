//! When the parts of runs began.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use headwater_broker::{Error, EventSubscriber, Start};
use headwater_events::{
    Event, Filter, Position, Scope, StreamName, Tenant,
    catalogue::{self, Kind},
};
use headwater_store::Record;

/// How many events of a run's history are looked at.
const HISTORY: usize = 1000;

/// A part of a run that begins and ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) tenant: Tenant,
    pub(super) stream: String,
    pub(super) kind: Kind,
    pub(super) subject: String,
}

impl Part {
    pub(super) fn of(event: &Event, tenant: &Tenant, kind: Kind) -> Self {
        let stream = event.stream().to_owned();
        let subject = event.subject().unwrap_or(&stream).to_owned();
        Self { tenant: tenant.clone(), stream, kind, subject }
    }
}

/// When it happened, by its producer; else when it was stored.
pub(super) fn time_ms(event: &Event, record: &Record) -> i64 {
    event.time().map_or_else(|| record.stored_at_ms(), jiff::Timestamp::as_millisecond)
}

/// The parts that are open, in a limited number: beyond it the oldest are forgotten, and found in the history.
pub(super) struct Opened {
    limit: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    begun: HashMap<Part, i64>,
    order: VecDeque<Part>,
}

impl Opened {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, table: Mutex::default() }
    }

    /// What was created and then started began when it was started.
    pub(super) fn put(&self, part: &Part, at_ms: i64) {
        let mut table = self.lock();
        if table.begun.insert(part.clone(), at_ms).is_none() {
            table.order.push_back(part.clone());
        }
        // Those that have ended stand in the order until their turn comes.
        while table.begun.len() > self.limit || table.order.len() > self.limit * 2 {
            let Some(oldest) = table.order.pop_front() else { break };
            table.begun.remove(&oldest);
        }
    }

    pub(super) fn take(&self, part: &Part) -> Option<i64> {
        self.lock().begun.remove(part)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().begun.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing under this lock can panic half-way through a change.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a part began, by the run's history before a position.
pub(super) async fn in_history(
    history: &dyn EventSubscriber,
    part: &Part,
    before: Position,
) -> Result<Option<i64>, Error> {
    let opens = catalogue::all().filter(|entry| entry.role.opens() && entry.role.kind() == Some(part.kind));
    let types: Vec<&str> = opens.map(|entry| entry.name).collect();
    let (Ok(stream), Ok(filter)) = (part.stream.parse::<StreamName>(), Filter::types(&types.join(",")))
    else {
        return Ok(None);
    };
    let page =
        history.read(&Scope::Stream(part.tenant.clone(), stream), &filter, Start::Earliest, HISTORY).await?;
    let earlier = page.events.iter().filter(|found| {
        let event = found.event();
        found.record.position() < before && Part::of(event, &part.tenant, part.kind) == *part
    });
    Ok(earlier.last().map(|found| time_ms(found.event(), &found.record)))
}
