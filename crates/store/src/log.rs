//! The append-only log.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use headwater_events::{Class, Classes, Epoch, Event, Lane, Mark, Position, StreamName, Tenant};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{Capabilities, Error, Gap, Record, RunRecord, StateStore};

/// An event on its way into the log. The broker has checked it; `tenant` and `stream` are set.
#[derive(Debug, Clone)]
pub struct Append {
    /// The event, with tenant and stream in it.
    pub event: Event,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// The stream it belongs to.
    pub stream: StreamName,
    /// Decides who is offered it and how long it is kept.
    pub class: Class,
    /// What it does to its run.
    pub mark: Mark,
}

impl Append {
    /// Takes an event whose tenant and stream are set, with class and mark from the catalogue.
    ///
    /// # Errors
    /// The event has no tenant or stream, or a name that is not one.
    pub fn new(event: Event) -> Result<Self, headwater_events::EventError> {
        use headwater_events::{Code, EventError};
        let stream = event.stream_name()?;
        let tenant = event
            .tenant_name()
            .map_err(|e| EventError::attribute(Code::InvalidTenant, "tenant", e.to_string()))?;
        let (class, mark) = (event.class(), event.mark());
        Ok(Self { event, tenant, stream, class, mark })
    }
}

/// What became of one appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Where the event stands; for a duplicate, where the first one stands.
    pub position: Position,
    /// When the log stored it, by its own clock.
    pub stored_at: Timestamp,
    /// The same (tenant, source, id) had been stored within the dedup window: nothing new was stored.
    pub duplicate: bool,
}

/// Which part of the log is read back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReadScope {
    /// One stream, the classes asked for.
    Stream(Tenant, StreamName, ClassesKey),
    /// One tenant: durable events. [`Error::Unsupported`] without `tenant_order`.
    Tenant(Tenant),
    /// One lane over all tenants: durable events.
    Lane(Lane),
    /// One lane of one tenant: durable events.
    TenantLane(Tenant, Lane),
}

/// The classes of a stream read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassesKey {
    /// Durable and transient.
    Visible,
    /// Every class.
    All,
}

impl ClassesKey {
    /// The set of classes.
    #[must_use]
    pub const fn classes(self) -> Classes {
        match self {
            Self::Visible => Classes::VISIBLE,
            Self::All => Classes::ALL,
        }
    }
}

/// A piece of history.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// What is missing between `after` and `next`, if anything is: at most one for each reason (and stream, where it
    /// is told), never reaching beyond `next`, so that reading on from there does not repeat it. Records that stand
    /// inside are those that were kept, such as the durable events between trimmed deltas.
    pub gaps: Vec<Gap>,
    /// The records in order, all after the position asked for.
    pub records: Vec<Record>,
    /// Everything of the scope up to here has been returned, or was told as a gap, or does not exist: where to
    /// read on. Never less than `after`.
    pub next: Position,
    /// Whether there was more when the page was read.
    pub more: bool,
}

impl Page {
    /// Whether the records are every position behind `after`, as far as the page and `to` reach: then nothing can be
    /// missing there, whatever was removed from elsewhere.
    #[must_use]
    pub fn is_whole(&self, after: Position, to: Position) -> bool {
        let to = to.min(self.next);
        let mut reach = after;
        for record in self.records.iter().take_while(|record| record.position() <= to) {
            if record.position() != reach.next() {
                break;
            }
            reach = record.position();
        }
        reach >= to
    }
}

/// Which part of the log is followed. Every class is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FollowScope {
    /// Everything.
    All,
    /// One tenant.
    Tenant(Tenant),
    /// One lane.
    Lane(Lane),
}

/// A piece of a [`Follow`].
#[derive(Debug, Clone)]
pub enum FollowItem {
    /// Records in order, shared by everyone who follows.
    Batch(Arc<[Record]>),
    /// The follower was too slow, or asked for what is no longer at hand, or the log lost something:
    /// what lies in the gap must be read from history.
    ///
    /// With the reason `reset` the log was replaced while it was followed: [`EventLog::epoch`] gives the new
    /// numbering by then, and the follower goes on behind `to` in that, however low it is.
    Gap(Gap),
    /// A stream of the scope was deleted, by whichever process: what it had up to a place is gone.
    Deleted {
        /// Whose stream it was.
        tenant: Tenant,
        /// Its name, which may be in use again behind that place.
        stream: StreamName,
        /// The place.
        to: Position,
    },
}

/// The log as it grows: ends when the store is closed, fails only for good.
pub type Follow = BoxStream<'static, Result<FollowItem, Error>>;

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// In one word.
    pub kind: StatusKind,
    /// In one sentence, without credentials.
    pub detail: String,
}

/// How a store is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusKind {
    /// Reads and appends work.
    Ready,
    /// Reads work, appends do not (no space, reopening after an I/O error).
    ReadOnly,
    /// Neither works; it is trying to come back.
    Away,
    /// It was closed.
    Closed,
}

impl StatusKind {
    /// The stable name used in answers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::ReadOnly => "read_only",
            Self::Away => "away",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for StatusKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The append-only log.
///
/// # Order
/// Appends of one call are stored in the order given, at ascending positions. If call B starts after call A
/// returned, everything of B stands after everything of A. `read` and `follow` show one order, that of positions.
///
/// # Durability
/// When `append` returns, what it reports is as durable as the store is configured to be, and every `read` that
/// starts later sees it. `follow` delivers only what `append` has reported or is about to report: never something
/// that a crash can take back (where the store is durable).
///
/// # Visibility
/// Positions become visible in order: once a reader has seen position p in a scope, no event appears at or before
/// p in that scope later.
///
/// # Cancelling
/// Dropping the future of `append` leaves the outcome unknown: the batch is stored whole or not (with
/// `atomic_batch`). Sending it again is safe inside the dedup window. Dropping any other future has no effect.
///
/// # One numbering, or one a lane
/// With `vector_positions` a position orders the events of its lane only; everything above that speaks of order
/// holds inside a lane. Batches may then span lanes, and each event's answer is a position of its own lane.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// What this store can do.
    fn capabilities(&self) -> &Capabilities;

    /// The numbering of this log.
    fn epoch(&self) -> Epoch;

    /// How many lanes the store was created with.
    fn lanes(&self) -> u16;

    /// How the store is doing, as it changes.
    fn status(&self) -> watch::Receiver<Status>;

    /// Stores a batch and answers once it is stored, in the order of the batch.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Unavailable`]: nothing was stored. [`Error::Unknown`]: append again.
    /// [`Error::Partial`] only without `atomic_batch`.
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error>;

    /// History of a scope after a position: at most `limit` records and about `max_bytes` of them, at least one
    /// where there is one.
    ///
    /// A position ahead of the tail gives an empty page with `next` where it was.
    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error>;

    /// The log as it grows, with data, every class, from directly after `after`. `after` may reach back only a
    /// short way: what is no longer at hand comes as one [`FollowItem::Gap`] first.
    ///
    /// However many follow, the store reads its log once (for all tenants, or for those that are followed).
    ///
    /// # Errors
    /// [`Error::Unsupported`] for anything but a lane with `vector_positions`.
    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error>;

    /// The position of the last stored event: everything at or before it is visible to `read`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with `vector_positions`: there it is asked of each lane.
    async fn tail(&self) -> Result<Position, Error>;

    /// The position of the last stored event of a lane, or a later one that nothing of the lane will stand at or
    /// before: the log's tail, where there is one numbering.
    async fn lane_tail(&self, lane: Lane) -> Result<Position, Error> {
        let _ = lane;
        self.tail().await
    }

    /// How many events of a scope stand behind a position: read and counted, unless the store knows better.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without `lag`.
    async fn count(&self, scope: &ReadScope, after: Position) -> Result<u64, Error> {
        if !self.capabilities().lag {
            return Err(Error::Unsupported { what: "lag".into() });
        }
        let (mut count, mut after) = (0, after);
        loop {
            let page = self.read(scope, after, 4096, 4 << 20).await?;
            count += page.records.len() as u64;
            after = page.next;
            if !page.more {
                return Ok(count);
            }
        }
    }

    /// The record of a run, if it has one.
    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error>;

    /// Runs of a tenant in the order of their names, after `after`, at most `limit`.
    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error>;

    /// Removes what retention no longer keeps, now. Stores do it by themselves as well.
    async fn trim(&self) -> Result<(), Error>;

    /// Deletes a stream: its events are gone from every scope when the call returns, its record too, and the same
    /// events may be appended again. Followers are told
    /// ([`FollowItem::Deleted`]), in every process. Gives whether there was one.
    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error>;

    /// Stores what was accepted, stops, and releases what is held. Every later call fails with [`Error::Closed`].
    async fn close(&self) -> Result<(), Error>;
}

/// A whole store.
pub trait Store: EventLog + StateStore {}

impl<S: EventLog + StateStore> Store for S {}
