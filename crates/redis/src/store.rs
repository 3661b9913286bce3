//! The store itself.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use headwater_events::{Epoch, Position, StreamName, Tenant};
use headwater_store::{
    Append, Appended, Capabilities, Error, EventLog, Follow, FollowScope, Page, ReadScope, RunRecord, Status,
};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::{
    RedisOptions,
    connect::Connector,
    follow::Feeds,
    link::Link,
    metric_definitions,
    read::{self, Limit},
    reply, retention, run, script, tail,
    target::{Target, check_namespace},
    writer::{self, Request},
};

/// A store over Redis 6.2 to 8 or Valkey.
pub struct RedisStore {
    link: Arc<Link>,
    feeds: Feeds,
    /// Gone once the store is closed.
    queue: RwLock<Option<mpsc::Sender<Request>>>,
    writer: Mutex<Option<tokio::task::JoinHandle<()>>>,
    capabilities: Capabilities,
    closing: AtomicBool,
}

impl RedisStore {
    /// Opens the store at a URL: `redis://[user:password@]host[:port][/db]`, `rediss://…` with TLS, or
    /// `redis+sentinel://[user:password@]host[:port],host…/master[/db]`; `?namespace=` and `?tls_ca=`
    /// go before the options.
    ///
    /// # Errors
    /// [`Error::Config`]: the URL, the user or the server's settings cannot work; the error names the setting.
    /// [`Error::Unavailable`]: the server is away.
    pub fn connect(url: &str, options: RedisOptions) -> BoxFuture<'_, Result<Self, Error>> {
        // Boxed here, so that what it drives is compiled with this crate and not again in each that calls it.
        Box::pin(Self::start(url, options))
    }

    async fn start(url: &str, options: RedisOptions) -> Result<Self, Error> {
        metric_definitions::describe();
        let target = Target::parse(url)?;
        let namespace = match &target.namespace {
            Some(namespace) => namespace.clone(),
            None => check_namespace(&options.namespace)?.to_owned(),
        };
        let connector = Connector::new(target, &options).await?;
        let link = Link::open(connector, namespace, options).await?;
        let (sender, task) = writer::start(Arc::clone(&link));
        tokio::spawn(retention::run(Arc::clone(&link)));
        let durable = link.live().await?.server.appends;
        let mut capabilities = Capabilities::full();
        capabilities.durable = durable;
        capabilities.dedup_window = Some(link.options.dedup_window).filter(|window| !window.is_zero());
        capabilities.follow_by_tenant = true;
        capabilities.shared = true;
        capabilities.max_event_bytes = link.options.max_event_bytes;
        Ok(Self {
            feeds: Feeds::start(&link),
            link,
            queue: RwLock::new(Some(sender)),
            writer: Mutex::new(Some(task)),
            capabilities,
            closing: AtomicBool::new(false),
        })
    }

    /// Ends the store as the end of its process would: nothing is stored any more, nobody is told.
    #[cfg(feature = "test-util")]
    pub fn abandon(&self) {
        self.link.close();
    }

    /// The connections, unless the store was closed.
    pub(crate) fn open(&self) -> Result<&Arc<Link>, Error> {
        if self.closing.load(Ordering::Acquire) || self.link.is_closed() {
            return Err(Error::Closed);
        }
        Ok(&self.link)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.link.connector.shown())
            .field("namespace", &self.link.namespace)
            .finish_non_exhaustive()
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.link.close();
    }
}

#[async_trait]
impl EventLog for RedisStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn epoch(&self) -> Epoch {
        self.link.epoch()
    }

    fn lanes(&self) -> u16 {
        self.link.lanes
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.link.status()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        self.open()?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        // Encoded here, where callers run side by side.
        batch.iter().for_each(|append| {
            let _ = append.event.json();
        });
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (answer, stored) = oneshot::channel();
        let queue = queue.ok_or(Error::Closed)?;
        queue.send(Request { batch, answer }).await.map_err(|_| Error::Closed)?;
        drop(queue);
        stored.await.unwrap_or(Err(Error::Closed))
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        read::page(self.open()?, scope, after, Limit { records: limit, bytes: max_bytes }).await
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        self.open()?;
        self.feeds.follow(scope, after).await
    }

    async fn tail(&self) -> Result<Position, Error> {
        Ok(tail::look(self.open()?).await?.0)
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        let args = [tenant.as_str(), stream.as_str()].map(str::as_bytes);
        let record = reply::bytes(self.open()?.read(&script::RUN, &args).await?)?;
        if record.is_empty() {
            return Ok(None);
        }
        Ok(Some(run::decode(&record)?.record))
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        let link = self.open()?;
        let (after, limit) =
            (after.map_or_else(|| "-".to_owned(), |name| format!("({name}")), limit.to_string());
        let args = [tenant.as_str(), &after, &limit].map(str::as_bytes);
        let mut found = reply::array(link.read(&script::RUNS, &args).await?)?.into_iter();
        let mut runs = Vec::new();
        while let (Some(name), Some(record)) = (found.next(), found.next()) {
            let (name, record) = (reply::text(name)?, reply::bytes(record)?);
            if let (Ok(name), false) = (name.parse(), record.is_empty()) {
                runs.push((name, run::decode(&record)?.record));
            }
        }
        Ok(runs)
    }

    async fn trim(&self) -> Result<(), Error> {
        retention::trim(self.open()?).await
    }

    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        let link = self.open()?;
        let cap = link.options.feed_entries.to_string();
        let args = [tenant.as_str(), stream.as_str(), &cap].map(str::as_bytes);
        Ok(reply::number(&link.write(&script::REMOVE, &args).await?)? == 1)
    }

    async fn close(&self) -> Result<(), Error> {
        if self.closing.swap(true, Ordering::AcqRel) {
            return Err(Error::Closed);
        }
        drop(self.queue.write().unwrap_or_else(PoisonError::into_inner).take());
        // What was let in is stored, as far as the server answers.
        let writer = self.writer.lock().await.take();
        if let Some(mut task) = writer
            && tokio::time::timeout(2 * self.link.options.response_timeout, &mut task).await.is_err()
        {
            task.abort();
        }
        self.feeds.close().await;
        self.link.close();
        Ok(())
    }
}
