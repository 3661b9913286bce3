//! The hub: followers of the log, and the rings of the scopes that have readers.
//!
//! The log is the truth; the hub is only fast. It follows the log once, however many readers there are, and routes
//! each record to the rings that want it by tenant and stream, so that readers of other runs are not woken. A reader
//! that is behind its ring reads the log instead.
//!
//! ```text
//!   follow ──► route ──► ring (stream a)  ──► readers of a
//!                    ├─► ring (a, b, c)   ──► readers of those together
//!                    └─► ring (tenant)    ──► readers of the tenant's durable events
//! ```
//!
//! What is followed depends on the store: everything, where that costs nothing; the tenants that have readers; or
//! lane by lane, where each lane is numbered by itself. Each of those is an upstream with routes of its own.

mod pump;
mod ring;
mod routes;
mod upstream;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use headwater_events::{Lane, Scope};
use headwater_store::{FollowScope, Store};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{BrokerConfig, Error, metric_definitions as m};
pub(crate) use ring::{Ring, Taken, Told};
use upstream::{Seat, Upstream};

/// The live side of a broker.
pub(crate) struct Hub {
    store: Arc<dyn Store>,
    upstreams: Mutex<HashMap<FollowScope, Seat>>,
    /// Bytes in all rings together.
    bytes: Arc<AtomicUsize>,
    ring_events: usize,
    max_bytes: usize,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Hub {
    /// Starts following the log from its present end, where it is followed as one.
    pub(crate) async fn start(store: Arc<dyn Store>, config: &BrokerConfig) -> Result<Arc<Self>, Error> {
        let hub = Arc::new(Self {
            store,
            upstreams: Mutex::default(),
            bytes: Arc::default(),
            ring_events: config.ring_events.max(1),
            max_bytes: config.hub_bytes,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let able = hub.store.capabilities();
        if !able.follow_by_tenant && !able.vector_positions {
            // Followed for good, whether it has readers or not.
            hub.upstream(&hub.sit(FollowScope::All)).await?;
        }
        Ok(hub)
    }

    /// Registers a reader: from now on everything of the scope that is behind the ring's floor will be in the ring.
    /// With a lane, that is what the scope has in it.
    pub(crate) async fn register(
        self: &Arc<Self>,
        scope: &Scope,
        lane: Option<Lane>,
    ) -> Result<Registration, Error> {
        let followed = match lane {
            Some(lane) => FollowScope::Lane(lane),
            None if self.store.capabilities().follow_by_tenant => FollowScope::Tenant(scope.tenant().clone()),
            None => FollowScope::All,
        };
        let place = self.sit(followed);
        let upstream = self.upstream(&place).await?;
        let ring = upstream.routes().register(scope, self.ring_events, &self.bytes);
        metrics::gauge!(m::HUB_READERS).increment(1.0);
        let registration = Registration { upstream, scope: scope.clone(), ring, _place: place };
        self.still_open()?;
        Ok(registration)
    }

    /// Stops following; readers get what is in their rings and then an error.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let upstreams: Vec<_> =
            self.lock().values().filter_map(|seat| seat.upstream.get().cloned()).collect();
        upstreams.iter().for_each(|upstream| upstream.routes().close());
    }

    /// Counts one reader more of an upstream, so that it is not given up while it opens.
    fn sit(self: &Arc<Self>, followed: FollowScope) -> Place {
        let mut upstreams = self.lock();
        let seat = upstreams.entry(followed.clone()).or_default();
        seat.readers += 1;
        Place { hub: Arc::clone(self), followed, upstream: Arc::clone(&seat.upstream) }
    }

    /// The upstream of a place, opened by whoever comes first.
    async fn upstream(self: &Arc<Self>, place: &Place) -> Result<Arc<Upstream>, Error> {
        self.still_open()?;
        let open = Upstream::open(self, place.followed.clone());
        place.upstream.get_or_try_init(|| open).await.cloned()
    }

    /// Gives an upstream up if nobody reads it any more.
    fn retire(&self, followed: &FollowScope) -> bool {
        let mut upstreams = self.lock();
        let unread = upstreams.get(followed).is_some_and(|seat| seat.readers == 0);
        if unread {
            upstreams.remove(followed);
        }
        unread
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FollowScope, Seat>> {
        // Nothing under this lock can panic half-way through a change.
        self.upstreams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn still_open(&self) -> Result<(), Error> {
        if self.stop.is_cancelled() { Err(headwater_store::Error::Closed.into()) } else { Ok(()) }
    }

    fn over_budget(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.max_bytes
    }
}

/// One reader's share in an upstream; dropping it gives it back.
struct Place {
    hub: Arc<Hub>,
    followed: FollowScope,
    upstream: Arc<tokio::sync::OnceCell<Arc<Upstream>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut upstreams = self.hub.lock();
        let Some(seat) = upstreams.get_mut(&self.followed) else { return };
        seat.readers -= 1;
        if seat.readers > 0 {
            return;
        }
        match seat.upstream.get() {
            Some(upstream) => upstream.unread(),
            None => drop(upstreams.remove(&self.followed)),
        }
    }
}

/// A reader's place in the hub; dropping it leaves.
pub(crate) struct Registration {
    upstream: Arc<Upstream>,
    scope: Scope,
    ring: Arc<Ring>,
    _place: Place,
}

impl Registration {
    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        metrics::gauge!(m::HUB_READERS).decrement(1.0);
        self.upstream.routes().leave(&self.scope, &self.ring);
    }
}
