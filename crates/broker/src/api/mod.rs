//! The contract: traits, what goes in and what comes out.

mod error;
pub(crate) mod groups;
mod info;
mod item;
mod stream;
mod subscription;

use std::sync::Arc;

use async_trait::async_trait;
use headwater_events::{Cursor, Event, Filter, Scope, StreamName, Tenant};
use headwater_store::StateStore;
pub use headwater_store::{Capabilities, Status, StatusKind};
use tokio::sync::watch;

pub use error::Error;
pub use groups::{
    AfterDeadLetter, ConsumerGroups, DeadLetter, DeadLetterFilter, Fetch, Fetched, Group, GroupConfig,
    GroupGap, GroupInfo, Lease, LeaseError, Leased, Refused, Settlement, Verdict, WorkerInfo, WorkerName,
};
pub use info::StreamInfo;
pub use item::{Delivery, Gap, Item, Page, Published};
pub use stream::{BlockingEvents, EventStream, Lag, Polled, Source};
pub use subscription::{Overflow, OverflowError, Start, Subscription};

/// Publishing.
#[async_trait]
pub trait EventPublisher: Send + Sync + 'static {
    /// Checks a batch whole, stores it, and answers once the log has stored it, in the order of the batch.
    ///
    /// The tenant is in each event (`default` where it names none). The batch is stored atomically where the store
    /// declares `atomic_batch`. An event whose (tenant, source, id) was stored within the dedup window is not stored
    /// again: its answer says so and where the first one stands. The stream is not part of that key: an event sent to
    /// a second stream under the same source and id is a duplicate of the first, and its cursor then leads nowhere in
    /// the second.
    ///
    /// Dropping the future leaves the outcome unknown; publishing again is safe within the dedup window.
    ///
    /// # Errors
    /// [`Error::InvalidEvent`] names the first event that is wrong: nothing was stored.
    async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error>;
}

/// Reading: tails, where everyone sees everything.
#[async_trait]
pub trait EventSubscriber: Send + Sync + 'static {
    /// A page of history: at most `limit` events that pass the filter. Reading on from `Page::next` continues
    /// exactly behind it.
    ///
    /// # Errors
    /// [`Error::ForeignCursor`] where `start` is a cursor of another scope.
    async fn read(&self, scope: &Scope, filter: &Filter, start: Start, limit: usize) -> Result<Page, Error>;

    /// History, then live, in one ordered stream without gap or duplicate at the seam.
    ///
    /// The subscription is live when the call returns: an event published afterwards will be in it. A stream may be
    /// subscribed before its first event.
    ///
    /// # Errors
    /// [`Error::ForeignCursor`] where `start` is a cursor of another scope.
    async fn subscribe(&self, subscription: Subscription) -> Result<EventStream, Error>;

    /// The present end of a scope: a reader that starts after it sees what is published from now on.
    async fn cursor(&self, scope: &Scope) -> Result<Cursor, Error>;
}

/// A broker: publishing, reading, work-sharing, and what an operator needs.
#[async_trait]
pub trait EventBroker: EventPublisher + EventSubscriber + ConsumerGroups {
    /// What the store underneath can do.
    fn capabilities(&self) -> Capabilities;

    /// How it is doing, as it changes.
    fn status(&self) -> watch::Receiver<Status>;

    /// Runs of a tenant in the order of their names, after `after`, at most `limit`.
    async fn streams(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>, Error>;

    /// One run, if there is one.
    async fn stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<StreamInfo>, Error>;

    /// Deletes a run's stream. Gives whether there was one. Who is reading it gets `Gap { reason: deleted }`.
    async fn delete_stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error>;

    /// A page of one run with every class in it, `internal` too: for the runtime, which keeps its checkpoints there. A
    /// page never says `end`.
    ///
    /// # Errors
    /// `unsupported` where the broker is remote.
    async fn read_whole(
        &self,
        tenant: &Tenant,
        stream: &StreamName,
        start: Start,
        limit: usize,
    ) -> Result<Page, Error>;

    /// The table of small values, for programs: leases and marks of their own, with compare-and-set. It is theirs
    /// alone; what the broker keeps is not in it.
    ///
    /// # Errors
    /// `unsupported` where the broker is remote.
    fn state(&self) -> Result<Arc<dyn StateStore>, Error>;

    /// Stops in order: what was accepted is stored, readers end, the store is closed. Later calls fail.
    async fn close(&self) -> Result<(), Error>;
}
