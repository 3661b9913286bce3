//! Work-sharing: what workers and operators see of a group.

use std::{fmt, str::FromStr, time::Duration};

use async_trait::async_trait;
use headwater_events::{Event, GroupName, Lane, Position, StreamName, Tenant};
use headwater_store::{GapReason, Record};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Start};
pub use crate::groups::lease::{Lease, LeaseError};

/// A group and whose events it shares out. The same name in another scope is another group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// The tenant, or `None` for all of them: an operator's group.
    pub tenant: Option<Tenant>,
    /// Its name.
    pub name: GroupName,
}

impl Group {
    /// A group of one tenant.
    #[must_use]
    pub const fn of(tenant: Tenant, name: GroupName) -> Self {
        Self { tenant: Some(tenant), name }
    }

    /// A group of all tenants.
    #[must_use]
    pub const fn of_all(name: GroupName) -> Self {
        Self { tenant: None, name }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant.as_ref().map_or("*", Tenant::as_str), self.name)
    }
}

/// What becomes of a run whose event was dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterDeadLetter {
    /// The run goes on behind the event.
    #[default]
    Skip,
    /// The run waits until the dead letter is replayed or discarded.
    Park,
}

/// How a group shares out its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupConfig {
    /// How long a worker that is silent keeps its lanes, and a delivery its lease: 30 s.
    #[serde(rename = "lease_ms", with = "crate::wire::millis")]
    pub lease: Duration,
    /// How often an event is tried before it is dead-lettered: 5.
    pub max_attempts: u32,
    /// What becomes of the run of a dead letter.
    pub after_dead_letter: AfterDeadLetter,
    /// How long a dead letter is kept: then it is as if it had been discarded. `None`: as long as the log keeps it.
    #[serde(
        rename = "dead_letters_keep_ms",
        with = "crate::wire::millis_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub dead_letters_keep: Option<Duration>,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            max_attempts: 5,
            after_dead_letter: AfterDeadLetter::default(),
            dead_letters_keep: None,
        }
    }
}

/// The name of a worker: 1 to 64 of the characters of a group's name. It keeps its lanes under it.
pub type WorkerName = GroupName;

/// A worker's request for work.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Who asks.
    pub worker: WorkerName,
    /// Tells two processes that go by one name apart, where the caller has such a number.
    pub session: Option<u64>,
    /// How many events it has room for.
    pub max: usize,
    /// How long to wait for the first one.
    pub wait: Duration,
}

/// What a worker got.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Events to handle, each under a lease.
    pub deliveries: Vec<Leased>,
    /// What the group will never see.
    pub gaps: Vec<GroupGap>,
}

/// An event that a worker is to handle.
#[derive(Debug, Clone)]
pub struct Leased {
    /// What it is settled by.
    pub lease: Lease,
    /// Grows with every change of the lane's owner: effects elsewhere can refuse those of a lower one.
    pub fence: u64,
    /// How often it has been delivered, from 1.
    pub attempt: u32,
    /// Where its dead letter stands, if this is a life after one.
    pub replay_of: Option<Position>,
    /// The event as it is stored.
    pub record: Record,
}

impl Leased {
    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        self.record.event()
    }
}

/// Something that a group does not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupGap {
    /// In which lane.
    pub lane: u16,
    /// The last place the group has.
    pub from: Position,
    /// The last place that is missing.
    pub to: Position,
    /// Why.
    pub reason: GapReason,
    /// Which stream, where it is one.
    pub stream: Option<StreamName>,
}

/// What a worker says of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which delivery.
    pub lease: Lease,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was handled: it does not come again.
    Ack,
    /// It failed: it comes again after this time, as long as it has attempts left.
    Retry {
        /// How long to wait.
        after: Duration,
        /// What went wrong, for the dead letter that it may become.
        reason: Option<String>,
    },
    /// It was not tried: it comes again at once, with the attempt not spent.
    Release,
    /// It cannot be handled: it is dead-lettered now.
    Reject {
        /// Why.
        reason: String,
    },
}

/// Why a settlement was not taken. The delivery comes again, to whoever has the lane now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The delivery was settled already, its lease has passed to somebody else, or there never was one.
    #[error("the lease is not held any more: the event is settled or belongs to another worker")]
    NotHeld,
    /// There is no such group.
    #[error("there is no such group")]
    NoGroup,
}

impl Refused {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotHeld => "lease-not-held",
            Self::NoGroup => "no-such-group",
        }
    }
}

/// What an operator sees of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// Its name.
    pub group: GroupName,
    /// Whether it covers all tenants.
    pub all_tenants: bool,
    /// How it shares out its events.
    pub config: GroupConfig,
    /// Its workers, in the order of their names.
    pub workers: Vec<WorkerInfo>,
    /// Events that are with a worker.
    pub in_flight: u64,
    /// Runs that wait for a retry.
    pub waiting: u64,
    /// Runs that wait for their dead letter to be replayed or discarded.
    pub parked: u64,
    /// How long the oldest event has been stored that a worker has not acked, in milliseconds.
    pub oldest_unacked_ms: Option<u64>,
    /// How many events have not been acked, where the store can tell (`lag`).
    pub lag_events: Option<u64>,
    /// How far the group is behind the log in time, in milliseconds: the age of the oldest event that it has not
    /// taken up.
    pub lag_ms: Option<u64>,
    /// How many of its events were dead-lettered and are neither replayed nor discarded.
    pub dead_letters: u64,
}

/// One worker of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerInfo {
    /// Its name.
    pub worker: WorkerName,
    /// The lanes it has.
    pub lanes: Vec<u16>,
}

/// An event that could not be handled.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Where it stands among the group's dead letters: what names it.
    pub position: Position,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// Where the event stood in the log.
    pub source_position: Position,
    /// In which lane.
    pub lane: Lane,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first, and last.
    pub failed_at: (Timestamp, Timestamp),
    /// The event, byte for byte.
    pub event: Event,
}

impl DeadLetter {
    /// The trace that the event belongs to, where it names one.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.event.traceparent()
    }
}

/// Which dead letters are meant.
#[derive(Debug, Clone, Default)]
pub struct DeadLetterFilter {
    /// These places only; empty means all.
    pub positions: Vec<Position>,
    /// Of this stream only.
    pub stream: Option<StreamName>,
    /// Of this event type (or a prefix of it) only.
    pub types: headwater_events::Filter,
    /// With a reason that begins so, such as the code `handler-panicked`.
    pub reason: Option<String>,
}

/// Sharing events among workers: each event goes to one of them, in order inside its run, until it is settled.
///
/// Workers lease lanes; a worker that is silent for as long as a lease loses them to others. Inside a lane one event
/// of a run is with a worker at a time, so that a run's order holds through retries; runs go on side by side.
///
/// Every answer is given after the state it speaks of was stored. Dropping a call's future leaves the outcome unknown:
/// deliveries that were not received come again when their lease has passed, with an attempt spent.
#[async_trait]
pub trait ConsumerGroups: Send + Sync + 'static {
    /// Creates a group that begins at `start` (a cursor of the group's tenant), or gives the one there is the new
    /// configuration. Gives whether it is new.
    async fn put_group(&self, group: &Group, start: Start, config: GroupConfig) -> Result<bool, Error>;

    /// Deletes a group with its marks; its dead letters stay until they expire. Gives whether there was one.
    async fn delete_group(&self, group: &Group) -> Result<bool, Error>;

    /// The groups of a tenant, or those of all tenants, in the order of their names.
    async fn groups(&self, tenant: Option<&Tenant>) -> Result<Vec<GroupInfo>, Error>;

    /// One group.
    async fn group(&self, group: &Group) -> Result<Option<GroupInfo>, Error>;

    /// Work for a worker: waits for the first event, at most as long as asked, and gives what is ready. An empty answer
    /// says that nothing came. Asking is also how a worker joins, and how it says that it lives.
    ///
    /// # Errors
    /// [`Error::NoGroup`]; [`Error::WorkerConflict`] where another session goes by the worker's name.
    async fn fetch(&self, group: &Group, fetch: Fetch) -> Result<Fetched, Error>;

    /// Settles deliveries, whichever process they came from. Each is answered by itself, in order.
    ///
    /// # Errors
    /// The store failed: none of it may have been taken; settling again is safe.
    async fn settle(
        &self,
        group: &Group,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Result<(), Refused>>, Error>;

    /// Says that deliveries are still being handled, so that their lanes stay with their worker for another lease.
    async fn extend(&self, group: &Group, leases: &[Lease]) -> Result<Vec<Result<(), Refused>>, Error>;

    /// A worker goes: what it has not settled comes again at once, to others.
    async fn leave(&self, group: &Group, worker: &WorkerName) -> Result<(), Error>;

    /// The dead letters of a group that are neither replayed nor discarded, in order, at most `limit` behind a place.
    /// In a group of all tenants letters of several may stand at one position: a page ends behind all of them, so that
    /// the next one misses none, and may be that much longer.
    async fn dead_letters(
        &self,
        group: &Group,
        filter: &DeadLetterFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error>;

    /// Gives dead letters another life, with all their attempts. Gives how many; doing it again does nothing.
    async fn replay(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error>;

    /// Gives dead letters up for good. Gives how many.
    async fn discard(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error>;
}

impl FromStr for AfterDeadLetter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "skip" => Ok(Self::Skip),
            "park" => Ok(Self::Park),
            _ => Err("after_dead_letter is one of skip, park"),
        }
    }
}
