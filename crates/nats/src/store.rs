//! The store that callers hold.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures_util::{StreamExt, future::BoxFuture};
use headwater_events::{Epoch, Position, StreamName, Tenant};
use headwater_store::{
    Append, Appended, Capabilities, Error, EventLog, Follow, FollowScope, Page, ReadScope, RunRecord, Status,
};
use serde::Deserialize;
use tokio::{
    sync::{RwLock, watch},
    task::AbortHandle,
};

use crate::{NatsOptions, connect::check, feed::Feeds, link::Link, publish::Publisher, url::Address};

/// A log on NATS JetStream. Any number of processes may open the same one.
///
/// Dropping it ends what it does in the background; [`EventLog::close`] also waits for what is on its way.
pub struct NatsStore {
    link: Arc<Link>,
    publisher: Publisher,
    feeds: Arc<Feeds>,
    capabilities: Capabilities,
    /// Held by every append; the close waits for them.
    appends: RwLock<()>,
    tasks: Vec<AbortHandle>,
}

impl NatsStore {
    /// Opens the log at a URL such as `nats://user:password@host:4222,other?namespace=hw`, or makes one where there is
    /// none.
    ///
    /// # Errors
    /// [`Error::Config`]: the URL, the user or the server cannot work (too old, no JetStream, no permission, TLS where
    /// there is none). [`Error::Unavailable`]: there is no such server now.
    pub fn open(url: &str, options: NatsOptions) -> BoxFuture<'_, Result<Self, Error>> {
        // Boxed here, so that what it drives is compiled with this crate and not again in each that calls it.
        Box::pin(Self::start(url, options))
    }

    async fn start(url: &str, mut options: NatsOptions) -> Result<Self, Error> {
        let address = Address::parse(url, &mut options)?;
        let link = Arc::new(Link::open(address, options).await?);
        check(&link.address, &link.client)?;
        link.verify().await?;
        let atomic = link.adjust().await? && link.options.atomic;
        let feeds = Arc::new(Feeds::new(Arc::clone(&link)));
        let mut capabilities = Capabilities::full();
        capabilities.shared = true;
        capabilities.atomic_batch = atomic;
        capabilities.dedup_window = Some(link.options.dedup_window);
        capabilities.follow_by_tenant = true;
        capabilities.max_event_bytes = link.max_event_bytes();
        let tasks = vec![
            tokio::spawn(Arc::clone(&link).watch()).abort_handle(),
            tokio::spawn(Arc::clone(&link).keep_trimmed()).abort_handle(),
            tokio::spawn(hear(Arc::clone(&link), Arc::clone(&feeds))).abort_handle(),
        ];
        let publisher = Publisher::new(Arc::clone(&link), atomic);
        Ok(Self { link, publisher, feeds, capabilities, appends: RwLock::default(), tasks })
    }

    /// Lets go of everything as the end of the process would, for tests: what is on its way is not waited for.
    #[cfg(feature = "test-util")]
    pub async fn crash(&self) {
        self.link.close();
        self.tasks.iter().for_each(AbortHandle::abort);
        self.publisher.end().await;
        self.link.end().await;
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }
}

/// A deletion, as processes tell each other.
#[derive(Deserialize)]
struct Notice {
    tenant: Tenant,
    stream: StreamName,
    to: u64,
    by: String,
}

/// Hears of deletions by other processes.
async fn hear(link: Arc<Link>, feeds: Arc<Feeds>) {
    let Ok(mut notices) = link.client.subscribe(link.notices()).await else { return };
    while let Some(message) = notices.next().await {
        if let Ok(notice) = serde_json::from_slice::<Notice>(&message.payload)
            && notice.by != link.id
        {
            feeds.deleted(&notice.tenant, &notice.stream, notice.to);
        }
    }
}

#[async_trait]
impl EventLog for NatsStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn epoch(&self) -> Epoch {
        self.link.identity.borrow().epoch
    }

    fn lanes(&self) -> u16 {
        self.link.identity.borrow().lanes
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.link.status()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        let _open = self.appends.read().await;
        self.link.open_or()?;
        self.publisher.append(batch).await
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        self.link.open_or()?;
        self.link.page(scope, after, limit, max_bytes).await
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        self.link.open_or()?;
        self.feeds.follow(scope, after).await
    }

    async fn tail(&self) -> Result<Position, Error> {
        self.link.open_or()?;
        self.link.tail().await
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        self.link.open_or()?;
        self.link.run(tenant, stream).await
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        self.link.open_or()?;
        self.link.runs(tenant, after, limit).await
    }

    async fn trim(&self) -> Result<(), Error> {
        self.link.open_or()?;
        self.link.trim().await
    }

    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        self.link.open_or()?;
        let Some(to) = self.link.remove(tenant, stream).await? else { return Ok(false) };
        self.feeds.deleted(tenant, stream, to);
        Ok(true)
    }

    async fn close(&self) -> Result<(), Error> {
        if !self.link.close() {
            return Err(Error::Closed);
        }
        // Appends that came before are answered.
        drop(self.appends.write().await);
        self.feeds.end().await;
        self.tasks.iter().for_each(AbortHandle::abort);
        self.publisher.end().await;
        self.link.end().await;
        Ok(())
    }
}

impl Drop for NatsStore {
    fn drop(&mut self) {
        self.link.close();
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl fmt::Debug for NatsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsStore")
            .field("server", &self.link.address.shown())
            .field("namespace", &self.link.options.namespace)
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}
