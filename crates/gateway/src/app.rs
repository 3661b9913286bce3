//! What every handler shares.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use headwater_broker::EventBroker;
use tokio_util::sync::CancellationToken;

use crate::{GatewayConfig, meters::Meters};

/// Shared by every request of one gateway.
pub(crate) struct App {
    pub(crate) broker: Arc<dyn EventBroker>,
    pub(crate) config: GatewayConfig,
    pub(crate) meters: Meters,
    /// Cancelled when the gateway stops: streams end then, and readiness is gone.
    pub(crate) draining: CancellationToken,
    /// How many streaming responses there are.
    readers: AtomicUsize,
    /// How many there ever were: spreads their lifetimes.
    readers_ever: AtomicU64,
}

impl App {
    pub(crate) fn new(broker: Arc<dyn EventBroker>, config: GatewayConfig) -> Self {
        Self {
            broker,
            config,
            meters: Meters::new(),
            draining: CancellationToken::new(),
            readers: AtomicUsize::new(0),
            readers_ever: AtomicU64::new(0),
        }
    }

    /// A place among the streaming responses, unless they are as many as there may be.
    pub(crate) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let seated = self.readers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(self));
        self.meters.readers.increment(1.0);
        (seated < self.config.max_readers).then_some(seat)
    }

    /// The number of the next streaming response.
    pub(crate) fn next_reader(&self) -> u64 {
        self.readers_ever.fetch_add(1, Ordering::Relaxed)
    }
}

/// A streaming response, counted while it lives.
pub(crate) struct Seat(Arc<App>);

impl Seat {
    pub(crate) fn app(&self) -> &App {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.readers.fetch_sub(1, Ordering::Relaxed);
        self.0.meters.readers.decrement(1.0);
    }
}
