//! A broker whose publishes wait until they are let go.

use async_trait::async_trait;
use headwater_broker::{
    Broker, BrokerConfig, Capabilities, ConsumerGroups, DeadLetter, DeadLetterFilter, Error, EventBroker,
    EventPublisher, EventStream, EventSubscriber, Fetch, Fetched, Group, GroupConfig, GroupInfo, Lease, Page,
    Published, Refused, Settlement, Start, Status, StreamInfo, Subscription, WorkerName,
};
use headwater_events::{Cursor, Event, Filter, Position, Scope, StreamName, Tenant};
use headwater_store::{MemoryOptions, MemoryStore, StateStore};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

pub struct SlowBroker {
    inner: Broker,
    entered: Semaphore,
    released: Semaphore,
}

impl SlowBroker {
    pub async fn new() -> Self {
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let inner = Broker::open(store, BrokerConfig::default()).await.unwrap();
        Self { inner, entered: Semaphore::new(0), released: Semaphore::new(0) }
    }

    /// Waits until a publish is under way.
    pub async fn entered(&self) {
        self.entered.acquire().await.unwrap().forget();
    }

    /// Lets one publish go.
    pub fn release(&self) {
        self.released.add_permits(1);
    }
}

#[async_trait]
impl EventPublisher for SlowBroker {
    async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        self.entered.add_permits(1);
        self.released.acquire().await.unwrap().forget();
        self.inner.publish(events).await
    }
}

#[async_trait]
impl EventSubscriber for SlowBroker {
    async fn read(&self, scope: &Scope, filter: &Filter, start: Start, limit: usize) -> Result<Page, Error> {
        self.inner.read(scope, filter, start, limit).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<EventStream, Error> {
        self.inner.subscribe(subscription).await
    }

    async fn cursor(&self, scope: &Scope) -> Result<Cursor, Error> {
        self.inner.cursor(scope).await
    }
}

#[async_trait]
impl ConsumerGroups for SlowBroker {
    async fn put_group(&self, group: &Group, start: Start, config: GroupConfig) -> Result<bool, Error> {
        self.inner.put_group(group, start, config).await
    }

    async fn delete_group(&self, group: &Group) -> Result<bool, Error> {
        self.inner.delete_group(group).await
    }

    async fn groups(&self, tenant: Option<&Tenant>) -> Result<Vec<GroupInfo>, Error> {
        self.inner.groups(tenant).await
    }

    async fn group(&self, group: &Group) -> Result<Option<GroupInfo>, Error> {
        self.inner.group(group).await
    }

    async fn fetch(&self, group: &Group, fetch: Fetch) -> Result<Fetched, Error> {
        self.inner.fetch(group, fetch).await
    }

    async fn settle(
        &self,
        group: &Group,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Result<(), Refused>>, Error> {
        self.inner.settle(group, settlements).await
    }

    async fn extend(&self, group: &Group, leases: &[Lease]) -> Result<Vec<Result<(), Refused>>, Error> {
        self.inner.extend(group, leases).await
    }

    async fn leave(&self, group: &Group, worker: &WorkerName) -> Result<(), Error> {
        self.inner.leave(group, worker).await
    }

    async fn dead_letters(
        &self,
        group: &Group,
        filter: &DeadLetterFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        self.inner.dead_letters(group, filter, after, limit).await
    }

    async fn replay(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.inner.replay(group, filter).await
    }

    async fn discard(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.inner.discard(group, filter).await
    }
}

#[async_trait]
impl EventBroker for SlowBroker {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.inner.status()
    }

    async fn streams(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>, Error> {
        self.inner.streams(tenant, after, limit).await
    }

    async fn stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<StreamInfo>, Error> {
        self.inner.stream(tenant, stream).await
    }

    async fn delete_stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        self.inner.delete_stream(tenant, stream).await
    }

    async fn read_whole(
        &self,
        tenant: &Tenant,
        stream: &StreamName,
        start: Start,
        limit: usize,
    ) -> Result<Page, Error> {
        self.inner.read_whole(tenant, stream, start, limit).await
    }

    fn state(&self) -> Result<Arc<dyn StateStore>, Error> {
        self.inner.state()
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }
}
