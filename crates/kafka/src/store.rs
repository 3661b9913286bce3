//! The store.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use headwater_store::{
    Append, Appended, Capabilities, Epoch, Error, EventLog, Follow, FollowScope, Lane, Page, Position,
    ReadScope, RunRecord, StateEntry, StateStore, Status, StreamName, Tenant, Version, capabilities::RunRead,
};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    KafkaOptions, append,
    aside::Aside,
    engine::{Engine, EngineRef},
    follow,
    health::Health,
    keeper,
    lane_log::LaneLog,
    metric_definitions, read, runs,
    state::{self, Kind},
};

/// A store over Kafka. Any number of processes may open the same topic.
pub struct KafkaStore {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

/// What calls and background work share.
pub(crate) struct Shared {
    pub(crate) options: Arc<KafkaOptions>,
    pub(crate) health: Arc<Health>,
    slot: watch::Sender<Slot>,
    epoch: RwLock<Epoch>,
}

/// The engine that calls go to.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Open(EngineRef),
    /// The topics are gone or others, and are being opened again.
    Away,
    Closed,
}

/// How long the close waits for the follower.
const CLOSE: Duration = Duration::from_secs(5);

impl KafkaStore {
    /// Opens a store: makes the topics where they are not there, checks them, and reads what must be known of them.
    ///
    /// # Errors
    /// [`Error::Config`] where something must be changed first: no permission, a wrong password, another number of
    /// partitions; [`Error::Unavailable`] where no server answers.
    pub fn open(options: KafkaOptions) -> BoxFuture<'static, Result<Self, Error>> {
        // Boxed here, so that what it drives is compiled with this crate and not again in each that calls it.
        Box::pin(Self::start(options))
    }

    async fn start(options: KafkaOptions) -> Result<Self, Error> {
        metric_definitions::describe();
        let options = Arc::new(options);
        let health = Arc::new(Health::new(&options.servers.join(",")));
        let engine = Arc::new(Aside::new(Engine::open(&options, &health).await?));
        let epoch = RwLock::new(engine.epoch());
        let slot = watch::Sender::new(Slot::Open(Arc::clone(&engine)));
        let shared = Arc::new(Shared { options, health, slot, epoch });
        let (ready, opened) = tokio::sync::oneshot::channel();
        let keeper = tokio::spawn(keeper::run(Arc::clone(&shared), engine, ready));
        let store = Self { shared, keeper };
        opened.await.map_err(Error::unavailable)??;
        Ok(store)
    }

    fn engine(&self) -> Result<EngineRef, Error> {
        self.shared.engine()
    }
}

impl Shared {
    fn engine(&self) -> Result<EngineRef, Error> {
        match &*self.slot.borrow() {
            Slot::Open(engine) => Ok(Arc::clone(engine)),
            Slot::Away => Err(Error::unavailable(format_args!(
                "the topic `{}` was deleted or replaced, and is being opened again",
                self.options.topic
            ))),
            Slot::Closed => Err(Error::Closed),
        }
    }

    /// Which engine there is, as it changes.
    pub(crate) fn slot(&self) -> watch::Receiver<Slot> {
        self.slot.subscribe()
    }

    /// Takes the engine away until there is another one. `false`: the store was closed.
    pub(crate) fn leave(&self) -> bool {
        self.put(Slot::Away)
    }

    /// Gives calls their engine. `false`: the store was closed.
    pub(crate) fn enter(&self, engine: &EngineRef) -> bool {
        *self.epoch.write().unwrap_or_else(PoisonError::into_inner) = engine.epoch();
        self.put(Slot::Open(Arc::clone(engine)))
    }

    fn put(&self, next: Slot) -> bool {
        self.slot.send_if_modified(|slot| {
            let open = !matches!(slot, Slot::Closed);
            if open {
                *slot = next;
            }
            open
        })
    }

    fn close(&self) -> Result<Option<EngineRef>, Error> {
        match self.slot.send_replace(Slot::Closed) {
            Slot::Open(engine) => Ok(Some(engine)),
            Slot::Away => Ok(None),
            Slot::Closed => Err(Error::Closed),
        }
    }
}

impl Drop for KafkaStore {
    /// As [`close`](EventLog::close), but waits for nothing: who follows gets its end.
    fn drop(&mut self) {
        self.keeper.abort();
        if let Ok(Some(engine)) = self.shared.close() {
            engine.logs().iter().for_each(|log| log.ring.close());
        }
        self.shared.health.closed();
    }
}

/// What a store over Kafka can do.
static CAPABILITIES: Capabilities = {
    let mut can = Capabilities::full();
    can.shared = true;
    can.atomic_batch = false;
    can.dedup_window = None;
    can.run_read = RunRead::Scan;
    can.vector_positions = true;
    can.tenant_order = false;
    can.trim_transient = false;
    can.delete_stream = false;
    can.lag = false;
    can.retention = false;
    can
};

fn unsupported<T>(what: &'static str) -> Result<T, Error> {
    Err(Error::Unsupported { what: what.into() })
}

#[async_trait]
impl EventLog for KafkaStore {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn epoch(&self) -> Epoch {
        *self.shared.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lanes(&self) -> u16 {
        self.shared.options.lanes
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.shared.health.watch()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        append::append(&*self.engine()?, batch).await
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        read::read(&*self.engine()?, scope, after, limit, max_bytes).await
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        let engine = self.engine()?;
        let FollowScope::Lane(lane) = scope else {
            return unsupported("one order over several lanes (vector_positions): follow each lane");
        };
        Ok(follow::follow(self.shared.slot(), engine, *lane, after))
    }

    async fn tail(&self) -> Result<Position, Error> {
        self.engine()?;
        unsupported("one tail of all lanes (vector_positions): ask for that of a lane")
    }

    async fn lane_tail(&self, lane: Lane) -> Result<Position, Error> {
        Ok(self.engine()?.lane(lane).map_or(Position::ZERO, LaneLog::tail))
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        let engine = self.engine()?;
        let lane = engine.lane_of(tenant, stream);
        engine.caught_up(lane, engine.ends.now().await?.lane(lane)).await?;
        Ok(engine.run_with_losses(lane, engine.runs.get(tenant, stream)))
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        let engine = self.engine()?;
        engine.caught_up_all(&engine.ends.now().await?).await?;
        let listed = engine.runs.list(tenant, after, limit).into_iter();
        Ok(listed
            .filter_map(|(name, lane, run)| Some((name, engine.run_with_losses(lane, Some(run))?)))
            .collect())
    }

    async fn trim(&self) -> Result<(), Error> {
        self.engine()?;
        unsupported("trimming (retention): the server removes what is too old by the topic's settings")
    }

    async fn remove(&self, _: &Tenant, _: &StreamName) -> Result<bool, Error> {
        self.engine()?;
        unsupported("deleting a stream (delete_stream)")
    }

    async fn close(&self) -> Result<(), Error> {
        let engine = self.shared.close()?;
        if let Some(engine) = engine {
            engine.producer.close().await;
            let follow = async {
                let ends = engine.ends.now().await?;
                engine.caught_up_all(&ends).await?;
                engine.state_caught_up(ends.state()).await?;
                runs::save(&engine, 1).await
            };
            // What is not followed to its end, or saved, is found at the next opening.
            if !matches!(tokio::time::timeout(CLOSE, follow).await, Ok(Ok(()))) {
                tracing::warn!(
                    topic = self.shared.options.topic,
                    "closed without having saved what was read"
                );
            }
            engine.logs().iter().for_each(|log| log.ring.close());
            self.keeper.abort();
            drop(engine);
        }
        self.shared.health.closed();
        Ok(())
    }
}

#[async_trait]
impl StateStore for KafkaStore {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        state::store::get(&*self.engine()?, Kind::Caller, key).await
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        state::store::write(&*self.engine()?, Kind::Caller, key, Some(value), expected).await
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        state::store::write(&*self.engine()?, Kind::Caller, key, None, Some(expected)).await.map(drop)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        state::store::list(&*self.engine()?, prefix, after, limit).await
    }
}

impl fmt::Debug for KafkaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaStore").field("topic", &self.shared.options.topic).finish_non_exhaustive()
    }
}
