//! The memory store: the reference for the contract, and the store of programs that need nothing to survive them.
//!
//! ```text
//!  tenant ─► name ─► stream: durable  ●  ●      ●        order (durable)    1 4 7 …   oldest first, for limits
//!                            transient  ●● ●● ●●         order (transient)  2 3 5 …
//!  lanes, tenants, lanes of tenants: references to the durable events, in order
//! ```
//!
//! One mutex guards the log. It is a plain [`std::sync::Mutex`]: what happens under it is short (a batch is indexed, a
//! page of pointers is copied), never waits and is never held over an await, so that an asynchronous mutex would only
//! add cost. Followers read a [`Ring`] that has its own.

mod dedup;
mod log;
mod numbered;
mod options;
mod order;
mod page;
mod refs;
mod retain;
mod state;
mod stream;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use headwater_events::{Epoch, Position, StreamName, Tenant};
use tokio::sync::watch;

pub use self::options::MemoryOptions;
use self::{log::Log, state::State};
use crate::{
    Append, Appended, Capabilities, Clock, Error, EventLog, Follow, FollowScope, Page, ReadScope, RunRecord,
    Status, StatusKind, ring::Ring,
};

/// A store in the memory of the process: everything is gone with it.
///
/// What it holds is bounded by [`MemoryOptions::max_bytes`]; what goes is told to readers that come from before as a
/// gap.
pub struct MemoryStore {
    log: Mutex<Log>,
    state: Mutex<State>,
    ring: Ring,
    clock: Arc<dyn Clock>,
    capabilities: Capabilities,
    epoch: Epoch,
    lanes: u16,
    status: watch::Sender<Status>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        let capabilities =
            Capabilities { durable: false, dedup_window: options.dedup_window, ..Capabilities::full() };
        // Random without a dependency: the keys of the standard hasher are.
        let random = RandomState::new().hash_one(capabilities.max_event_bytes).to_be_bytes();
        Self {
            log: Mutex::new(Log::new(&options)),
            state: Mutex::new(State::default()),
            ring: Ring::new(Position::ZERO, options.ring_bytes.min(options.max_bytes)),
            capabilities,
            epoch: Epoch(u32::from_be_bytes([random[0], random[1], random[2], random[3]])),
            lanes: options.lanes.max(1),
            status: watch::Sender::new(Status { kind: StatusKind::Ready, detail: "in memory".to_owned() }),
            clock: options.clock,
        }
    }

    /// The log, with what is due by now removed.
    fn log(&self) -> Result<MutexGuard<'_, Log>, Error> {
        let mut log = self.locked();
        if log.is_closed() {
            return Err(Error::Closed);
        }
        log.enforce(self.clock.now().as_millisecond());
        Ok(log)
    }

    fn locked(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(MemoryOptions::default())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("epoch", &self.epoch)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EventLog for MemoryStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn lanes(&self) -> u16 {
        self.lanes
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        let mut log = self.locked();
        if log.is_closed() {
            return Err(Error::Closed);
        }
        // The clock is read under the lock, so that times follow the positions.
        let (answer, new) = log.append(batch, self.clock.now());
        if !new.is_empty() {
            // Pushed under the lock too: the ring takes batches in the order of their positions.
            self.ring.push(new.into());
        }
        Ok(answer)
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        Ok(self.log()?.read(scope, after, limit, max_bytes))
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        if self.locked().is_closed() {
            return Err(Error::Closed);
        }
        Ok(self.ring.follow(scope.clone(), self.lanes, after))
    }

    async fn tail(&self) -> Result<Position, Error> {
        Ok(self.log()?.tail())
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        Ok(self.log()?.run(tenant, stream))
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        Ok(self.log()?.runs(tenant, after, limit))
    }

    async fn trim(&self) -> Result<(), Error> {
        self.log().map(drop)
    }

    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        let mut log = self.log()?;
        let was = log.remove(tenant, stream);
        if was {
            self.ring.forget(tenant, stream);
        }
        Ok(was)
    }

    async fn close(&self) -> Result<(), Error> {
        self.locked().close()?;
        self.ring.close();
        self.status.send_replace(Status { kind: StatusKind::Closed, detail: "closed".to_owned() });
        Ok(())
    }
}
