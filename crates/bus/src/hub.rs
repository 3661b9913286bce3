//! The hub as a bus shows it: a thin face on the broker's.

use std::{fmt, sync::Arc};

use headwater_broker::{Error, EventBroker, EventStream, Published, Start, Subscription};
use headwater_events::{Cursor, Event, Scope, StreamName, Tenant};

use crate::{EventBusConfig, feed};

/// Publishing to and reading from the log of one tenant. There is no buffer of its own in it: what readers get comes from
/// the broker's hub, and what falls out of that is read from the log.
#[derive(Clone)]
pub struct EventHub {
    broker: Arc<dyn EventBroker>,
    tenant: Tenant,
    capacity: usize,
}

/// What a hub has to say of its emitters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventHubMetrics {
    /// How many events each emitter's queue has room for.
    pub capacity: usize,
    /// Events that wait in the queues of emitters.
    pub queued: usize,
    /// Events that emitters left out. Readers lose nothing here: each tells its own gaps and its own
    /// [`lag`](EventStream::lag).
    pub dropped: u64,
}

impl EventHub {
    pub(crate) fn new(broker: Arc<dyn EventBroker>, config: &EventBusConfig) -> Self {
        Self { broker, tenant: config.tenant.clone(), capacity: config.buffer_capacity }
    }

    /// The broker underneath.
    #[must_use]
    pub fn broker(&self) -> &Arc<dyn EventBroker> {
        &self.broker
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// How many events the queue of each emitter has room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Publishes and answers once the log has stored the events.
    ///
    /// # Errors
    /// As [`EventPublisher::publish`](headwater_broker::EventPublisher::publish).
    pub async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        self.broker.publish(events).await
    }

    /// Everything of the tenant that is published from now on: every class where the broker has a feed, else the durable
    /// events.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub async fn subscribe(&self) -> Result<EventStream, Error> {
        Ok(feed::open(&self.broker, &self.tenant, Start::Live).await?.0)
    }

    /// One run from its first event on, and live.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub async fn run(&self, run: &StreamName) -> Result<EventStream, Error> {
        self.broker.subscribe(Subscription::new(self.scope(run))).await
    }

    /// The place behind everything that is stored now.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub async fn cursor(&self) -> Result<Cursor, Error> {
        self.broker.cursor(&Scope::Tenant(self.tenant.clone())).await
    }

    /// The scope of a run.
    #[must_use]
    pub fn scope(&self, run: &StreamName) -> Scope {
        Scope::Stream(self.tenant.clone(), run.clone())
    }
}

impl fmt::Debug for EventHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventHub").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
