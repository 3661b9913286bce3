//! The broker over a store in this process.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use headwater_events::{Cursor, Event, Filter, Lane, Scope, StreamName, Tenant, lane_of};
use headwater_store::{Clock, StateStore, Store, SystemClock};
use tokio::sync::watch;

use crate::{
    BrokerConfig, Capabilities, Error, EventBroker, EventPublisher, EventStream, EventSubscriber, Page,
    Published, Start, Status, StreamInfo, Subscription,
    groups::Groups,
    hub::Hub,
    metric_definitions as m, pages,
    program_state::ProgramState,
    publish,
    reader::{Begin, Feed, LaneSource, Lanes, Reader},
    referee::Referee,
};

/// A broker over any [`Store`]. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Broker {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    referee: Arc<Referee>,
    groups: Arc<Groups>,
    config: Arc<BrokerConfig>,
    clock: Arc<dyn Clock>,
}

impl Broker {
    /// A broker over an open store. It follows the log from here on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(store: Arc<dyn Store>, config: BrokerConfig) -> BoxFuture<'static, Result<Self, Error>> {
        Self::with_clock(store, config, Arc::new(SystemClock))
    }

    /// As [`Broker::open`], with the clock that stamps events without a `time`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn with_clock(
        store: Arc<dyn Store>,
        config: BrokerConfig,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'static, Result<Self, Error>> {
        // Boxed here, so that what it drives is compiled with this crate and not again in each that calls it.
        Box::pin(Self::start(store, config, clock))
    }

    async fn start(
        store: Arc<dyn Store>,
        config: BrokerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let hub = Hub::start(Arc::clone(&store), &config).await?;
        let referee = Arc::new(Referee::new(Arc::clone(&store)));
        let groups = Arc::new(Groups::new(Arc::clone(&store), Arc::clone(&clock)));
        Ok(Self { store, hub, referee, groups, config: Arc::new(config), clock })
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
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

/// How a scope is read: with one number for all of it, or lane by lane.
enum View {
    One(Option<Lane>),
    Lanes,
}

impl Broker {
    fn view(&self, scope: &Scope) -> View {
        if !self.store.capabilities().vector_positions {
            return View::One(None);
        }
        match scope {
            Scope::Stream(tenant, stream) => {
                View::One(Some(lane_of(tenant.as_str(), stream.as_str(), self.store.lanes())))
            }
            Scope::Streams(..) | Scope::Tenant(_) | Scope::Feed(_) => View::Lanes,
        }
    }

    /// A reader of what a subscription has in a lane, or of all of it.
    async fn open_part(&self, subscription: Subscription, lane: Option<Lane>) -> Result<LaneSource, Error> {
        let store = Arc::clone(&self.store);
        let number = lane.unwrap_or(Lane(0));
        if Feed::serves(&subscription.scope) {
            let feed = Feed::open(store, subscription, lane).await?;
            let reached = Arc::clone(feed.reached());
            return Ok(LaneSource { lane: number, source: Box::new(feed), reached });
        }
        let reader = Reader::open(store, &self.hub, subscription, lane).await?;
        let reached = Arc::clone(reader.reached());
        Ok(LaneSource { lane: number, source: Box::new(reader), reached })
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
        match self.view(scope) {
            View::One(lane) => {
                pages::read(&self.store, scope, lane, filter, start, limit.max(1), pages::MAX_BYTES).await
            }
            View::Lanes => pages::read_lanes(&self.store, scope, filter, start, limit.max(1)).await,
        }
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<EventStream, Error> {
        match self.view(&subscription.scope) {
            View::One(lane) => Ok(EventStream::boxed(self.open_part(subscription, lane).await?.source)),
            View::Lanes => {
                let scope = subscription.scope.clone();
                let (cursor, gap) = Lanes::begin(&*self.store, &scope, subscription.start.clone()).await?;
                let mut parts = Vec::new();
                for (lane, scope) in Lanes::of(&scope, self.store.lanes()) {
                    let start = Start::After(cursor.at(cursor.place().of(lane)));
                    let part = Subscription { scope, start, ..subscription.clone() };
                    parts.push(self.open_part(part, Some(lane)).await?);
                }
                Ok(EventStream::new(Lanes::new(cursor, gap, parts)))
            }
        }
    }

    async fn cursor(&self, scope: &Scope) -> Result<Cursor, Error> {
        match self.view(scope) {
            View::One(lane) => Ok(Begin::resolve(&*self.store, scope, lane, Start::Live).await?.cursor),
            View::Lanes => Ok(Lanes::begin(&*self.store, scope, Start::Live).await?.0),
        }
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
        // What is Headwater's own comes before every other name.
        let own = StreamName::last_reserved();
        let after = after.filter(|after| **after > own).unwrap_or(&own);
        let runs = self.store.runs(tenant, Some(after), limit).await?;
        Ok(runs.into_iter().map(|(stream, run)| StreamInfo::new(stream, &run)).collect())
    }

    async fn stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<StreamInfo>, Error> {
        let run = self.store.run(tenant, stream).await?;
        Ok(run.map(|run| StreamInfo::new(stream.clone(), &run)))
    }

    async fn delete_stream(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        let found = self.store.remove(tenant, stream).await?;
        self.referee.forget(tenant, stream);
        Ok(found)
    }

    async fn read_whole(
        &self,
        tenant: &Tenant,
        stream: &StreamName,
        start: Start,
        limit: usize,
    ) -> Result<Page, Error> {
        pages::read_whole(&self.store, tenant, stream, start, limit.max(1)).await
    }

    fn state(&self) -> Result<Arc<dyn StateStore>, Error> {
        Ok(Arc::new(ProgramState::new(Arc::clone(&self.store))))
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
