//! The broker over a store in this process.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use headwater_events::{Cursor, Event, Filter, Scope, StreamName, Tenant};
use headwater_store::{Clock, GapReason, Store, SystemClock};
use tokio::sync::watch;

use crate::{
    BrokerConfig, Capabilities, Delivery, Error, EventBroker, EventPublisher, EventStream, EventSubscriber,
    Gap, Page, Published, Start, Status, StreamInfo, Subscription,
    hub::Hub,
    metric_definitions as m, publish,
    reader::{Begin, Feed, History, Reader},
    referee::Referee,
};

/// How many records one call of `read` may look at, so that a filter that hides everything cannot hold it for long.
const MAX_SCAN: usize = 65_536;
/// How many bytes one page of `read` may have, about.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A broker over any [`Store`]. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Broker {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    referee: Arc<Referee>,
    config: Arc<BrokerConfig>,
    clock: Arc<dyn Clock>,
}

impl Broker {
    /// A broker over an open store. It follows the log from here on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(store: Arc<dyn Store>, config: BrokerConfig) -> Result<Self, Error> {
        Self::with_clock(store, config, Arc::new(SystemClock)).await
    }

    /// As [`Broker::open`], with the clock that stamps events without a `time`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn with_clock(
        store: Arc<dyn Store>,
        config: BrokerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let hub = Hub::start(Arc::clone(&store), &config).await?;
        let referee = Arc::new(Referee::new(Arc::clone(&store)));
        Ok(Self { store, hub, referee, config: Arc::new(config), clock })
    }

    /// The store underneath.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

impl Broker {
    async fn try_publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        let limit = self.store.capabilities().max_event_bytes;
        let batch = publish::prepare(events, &self.config, self.clock.now(), limit)?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if !self.config.has_strict() {
            return publish::store(&*self.store, batch).await;
        }
        let verdict = self.referee.judge(&batch, &self.config).await?;
        let published = publish::store(&*self.store, batch).await;
        if published.is_ok() {
            verdict.stored();
        }
        published
    }
}

#[async_trait]
impl EventPublisher for Broker {
    async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        let published = self.try_publish(events).await;
        published.inspect_err(|error| {
            metrics::counter!(m::PUBLISH_ERRORS, "code" => error.code().to_owned()).increment(1);
        })
    }
}

#[async_trait]
impl EventSubscriber for Broker {
    async fn read(&self, scope: &Scope, filter: &Filter, start: Start, limit: usize) -> Result<Page, Error> {
        let begin = Begin::resolve(&*self.store, scope, start).await?;
        let history = History::new(Arc::clone(&self.store), scope.clone());
        let mut page = Page {
            gaps: begin.gap.into_iter().collect(),
            events: Vec::new(),
            next: begin.cursor,
            more: true,
            end: false,
        };
        let (limit, mut scanned, mut bytes) = (limit.max(1), 0, 0);
        while page.more && page.events.len() < limit && scanned < MAX_SCAN && bytes < MAX_PAGE_BYTES {
            let want = if filter.is_all() { limit - page.events.len() } else { 1024 };
            let part = history.page(page.next.position(), want, MAX_PAGE_BYTES - bytes).await?;
            scanned += part.records.len().max(1);
            page.gaps.extend(part.gaps.into_iter().map(|gap| Gap {
                from: page.next.at(gap.from),
                to: page.next.at(gap.to),
                reason: gap.reason,
                stream: gap.stream,
            }));
            page.more = part.more;
            let mut upto = part.next;
            for record in part.records {
                if !filter.matches(record.event()) {
                    continue;
                }
                if page.events.len() == limit || bytes >= MAX_PAGE_BYTES {
                    upto = page.events.last().map_or(upto, |last| last.cursor.position());
                    page.more = true;
                    break;
                }
                let cursor = page.next.at(record.position());
                bytes += record.size();
                page.events.push(Delivery { record, cursor, merged: 1 });
            }
            page.next = page.next.at(upto.max(page.next.position()));
        }
        // What is missing further on is told by the page that gets there.
        let next = page.next.position();
        page.gaps.retain_mut(|gap| {
            let told = gap.reason == GapReason::Reset || gap.from.position() < next;
            if gap.reason != GapReason::Reset {
                gap.to = gap.to.at(gap.to.position().min(next));
            }
            told
        });
        if let (Scope::Stream(tenant, stream), false) = (scope, page.more) {
            let run = self.store.run(tenant, stream).await?;
            page.end = run.is_some_and(|run| run.is_ended() && run.last <= page.next.position());
        }
        Ok(page)
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<EventStream, Error> {
        if Feed::serves(&subscription.scope) {
            return Ok(EventStream::new(Feed::open(&*self.store, subscription).await?));
        }
        Ok(EventStream::new(Reader::open(Arc::clone(&self.store), &self.hub, subscription).await?))
    }

    async fn cursor(&self, scope: &Scope) -> Result<Cursor, Error> {
        Ok(Begin::resolve(&*self.store, scope, Start::Live).await?.cursor)
    }
}

#[async_trait]
impl EventBroker for Broker {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities().clone()
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.store.status()
    }

    async fn streams(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>, Error> {
        let runs = self.store.runs(tenant, after, limit).await?;
        Ok(runs.into_iter().map(|(stream, run)| StreamInfo::new(stream, &run)).collect())
    }

    async fn stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<StreamInfo>, Error> {
        let run = self.store.run(tenant, stream).await?;
        Ok(run.map(|run| StreamInfo::new(stream.clone(), &run)))
    }

    async fn delete_stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        let found = self.store.remove(tenant, stream).await?;
        // The name may be in use again already: what the new run has stays. Looked at after the tail, so that a run
        // that begins later lies behind it.
        let tail = self.store.tail().await?;
        let again = self.store.run(tenant, stream).await?.map_or(tail, |run| run.first.prev());
        let tail = tail.min(again);
        self.hub.deleted(tenant, stream, tail);
        self.referee.forget(tenant, stream);
        Ok(found)
    }

    async fn close(&self) -> Result<(), Error> {
        self.hub.close().await;
        Ok(self.store.close().await?)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("epoch", &self.store.epoch()).finish_non_exhaustive()
    }
}
