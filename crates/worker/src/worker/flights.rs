//! Which deliveries are with a handler.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use headwater_broker::Lease;
use tokio::time::Instant;

use crate::{Context, Stopped};

/// The deliveries that are with a handler, so that their leases are kept and their handlers can be told to stop.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<Lease, Context>>);

impl Flights {
    pub(crate) fn begin(&self, contexts: &[Context]) {
        self.lock().extend(contexts.iter().map(|context| (context.lease(), context.clone())));
    }

    pub(crate) fn end(&self, lease: Lease) {
        self.lock().remove(&lease);
    }

    /// The leases that do not hold for another `wanted`.
    pub(crate) fn due(&self, now: Instant, wanted: Duration) -> Vec<Lease> {
        let flights = self.lock();
        let due = flights.iter().filter(|(_, context)| context.deadline() < now + wanted);
        due.map(|(lease, _)| *lease).collect()
    }

    pub(crate) fn extend(&self, lease: Lease, deadline: Instant) {
        if let Some(context) = self.lock().get(&lease) {
            context.extend_to(deadline);
        }
    }

    /// Tells a handler that its lease is lost. Gives whether there was one.
    pub(crate) fn lose(&self, lease: Lease) -> bool {
        let context = self.lock().remove(&lease);
        context.inspect(|context| context.stop(Stopped::LeaseLost)).is_some()
    }

    /// Tells those handlers that their lease is lost whose deadline has passed. Gives how many.
    pub(crate) fn lose_late(&self, now: Instant) -> usize {
        let late: Vec<Context> =
            self.lock().extract_if(|_, context| context.deadline() <= now).map(|it| it.1).collect();
        late.iter().for_each(|context| context.stop(Stopped::LeaseLost));
        late.len()
    }

    /// Tells every handler to stop.
    pub(crate) fn stop_all(&self) {
        let all: Vec<Context> = self.lock().values().cloned().collect();
        all.iter().for_each(|context| context.stop(Stopped::Shutdown));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, Context>> {
        // Nothing under this lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
