//! The broker of a running Headwater.

use std::sync::Arc;

use async_trait::async_trait;
use headwater_broker::{
    Capabilities, Error, EventBroker, EventPublisher, EventStream, EventSubscriber, Page, Published, Start,
    Status, StreamInfo, Subscription,
};
use headwater_events::{Cursor, Event, Filter, Scope, StreamName, Tenant};
use headwater_store::{Error as StoreError, StateStore};
use tokio::sync::watch;

use crate::{HttpOptions, http::Http, page, publish, streams, subscription};

/// A running Headwater, reached over HTTP. Cloning shares its connections.
///
/// # What HTTP does not carry
/// * The feed of a tenant and internal events: [`Scope::Feed`] is refused with `unsupported`.
/// * When an event was stored: [`Delivery::record`](headwater_broker::Delivery) has the event's own time there.
/// * Batches over several tenants: a call speaks for one.
#[derive(Debug, Clone)]
pub struct HttpBroker(Arc<Http>);

impl HttpBroker {
    /// Prepares a client for the server at `url` (`http://host:port`, or `https://`, a path in front is kept). The
    /// server is first called with the first call; whether it answers is in [`EventBroker::status`].
    ///
    /// # Errors
    /// `bad-configuration` where the address or the token cannot be one, or TLS has no certificates to trust.
    pub fn connect(url: &str, options: HttpOptions) -> Result<Self, Error> {
        Ok(Self(Http::new(url, options)?))
    }

    pub(crate) fn open(&self) -> Result<&Arc<Http>, Error> {
        if self.0.closed.is_cancelled() { Err(StoreError::Closed.into()) } else { Ok(&self.0) }
    }
}

#[async_trait]
impl EventPublisher for HttpBroker {
    async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        publish::publish(self.open()?, events).await
    }
}

#[async_trait]
impl EventSubscriber for HttpBroker {
    async fn read(&self, scope: &Scope, filter: &Filter, start: Start, limit: usize) -> Result<Page, Error> {
        page::read(self.open()?, scope, filter, start, limit).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<EventStream, Error> {
        subscription::subscribe(self.open()?, subscription).await.map(EventStream::new)
    }

    async fn cursor(&self, scope: &Scope) -> Result<Cursor, Error> {
        page::end(self.open()?, scope).await
    }
}

#[async_trait]
impl EventBroker for HttpBroker {
    /// The same for every server and without asking it, since the call cannot wait: all that a store can have, with
    /// the default dedup window and event size, but neither `durable`, `retention` nor `lag`. Those three differ from
    /// store to store, and a caller must not rely on what nobody asked about; the server may well have them.
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::full();
        capabilities.durable = false;
        capabilities.retention = false;
        capabilities.lag = false;
        capabilities
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.0.status()
    }

    async fn streams(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>, Error> {
        streams::list(self.open()?, tenant, after, limit).await
    }

    async fn stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<StreamInfo>, Error> {
        streams::get(self.open()?, tenant, stream).await
    }

    async fn delete_stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        streams::delete(self.open()?, tenant, stream).await
    }

    async fn read_whole(&self, _: &Tenant, _: &StreamName, _: Start, _: usize) -> Result<Page, Error> {
        Err(StoreError::Unsupported { what: "internal events over HTTP".into() }.into())
    }

    fn state(&self) -> Result<Arc<dyn StateStore>, Error> {
        Err(StoreError::Unsupported { what: "the table of state over HTTP".into() }.into())
    }

    /// Ends this client and its subscriptions; the server goes on.
    async fn close(&self) -> Result<(), Error> {
        self.0.close();
        Ok(())
    }
}
