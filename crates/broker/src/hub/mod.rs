//! The hub: one follower of the log, and the rings of the scopes that have readers.
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

mod pump;
mod ring;
mod routes;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use headwater_events::{Position, Scope, StreamName, Tenant};
use headwater_store::Store;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{BrokerConfig, Error};
pub(crate) use ring::{Ring, Taken};
use routes::Routes;

/// The live side of a broker.
pub(crate) struct Hub {
    routes: Mutex<Routes>,
    /// Bytes in all rings together.
    bytes: Arc<AtomicUsize>,
    ring_events: usize,
    max_bytes: usize,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Hub {
    /// Starts following the log from its present end.
    pub(crate) async fn start(store: Arc<dyn Store>, config: &BrokerConfig) -> Result<Arc<Self>, Error> {
        let from = store.tail().await?;
        let hub = Arc::new(Self {
            routes: Mutex::new(Routes::new(from)),
            bytes: Arc::default(),
            ring_events: config.ring_events.max(1),
            max_bytes: config.hub_bytes,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let follow = pump::open(&store, from).await?;
        hub.tasks.spawn(pump::run(Arc::clone(&hub), store, follow));
        Ok(hub)
    }

    /// Registers a reader: from now on everything of the scope that is behind the ring's floor will be in the ring.
    pub(crate) fn register(self: &Arc<Self>, scope: &Scope) -> Registration {
        let ring = self.routes().register(scope, self.ring_events, &self.bytes);
        metrics::gauge!(crate::metric_definitions::HUB_READERS).increment(1.0);
        Registration { hub: Arc::clone(self), scope: scope.clone(), ring }
    }

    /// Tells the readers of a stream that it was deleted: what they have not read up to `to` is gone.
    pub(crate) fn deleted(&self, tenant: &Tenant, stream: &StreamName, to: Position) {
        self.routes().deleted(tenant, stream, to);
    }

    /// Stops following; readers get what is in their rings and then an error.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.routes().close();
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        // Nothing under this lock can panic half-way through a change.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn over_budget(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.max_bytes
    }
}

/// A reader's place in the hub; dropping it leaves.
pub(crate) struct Registration {
    hub: Arc<Hub>,
    scope: Scope,
    ring: Arc<Ring>,
}

impl Registration {
    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        metrics::gauge!(crate::metric_definitions::HUB_READERS).decrement(1.0);
        self.hub.routes().leave(&self.scope, &self.ring);
    }
}
