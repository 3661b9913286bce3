//! What every handler shares.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use headwater_broker::EventBroker;
use http::{HeaderMap, HeaderValue, Uri, header};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    GatewayConfig, cors,
    identity::{Authority, Caller},
    meters::Meters,
    problem::Problem,
};

/// Shared by every request of one gateway.
pub(crate) struct App {
    pub(crate) broker: Arc<dyn EventBroker>,
    pub(crate) config: GatewayConfig,
    pub(crate) meters: Meters,
    /// Who decides whom a request stands for.
    pub(crate) authority: Arc<Authority>,
    /// Cancelled when the gateway stops: streams end then, and readiness is gone.
    pub(crate) draining: CancellationToken,
    /// Cancelled when what is still open is cut.
    pub(crate) cut: CancellationToken,
    /// The sockets that are open: they outlive the connections they began on.
    pub(crate) sockets: TaskTracker,
    /// How many streaming responses there are.
    readers: AtomicUsize,
    /// How many there ever were: spreads their lifetimes.
    readers_ever: AtomicU64,
}

impl App {
    pub(crate) fn new(
        broker: Arc<dyn EventBroker>,
        config: GatewayConfig,
        authority: Arc<Authority>,
    ) -> Self {
        Self {
            authority,
            broker,
            config,
            meters: Meters::new(),
            draining: CancellationToken::new(),
            cut: CancellationToken::new(),
            sockets: TaskTracker::new(),
            readers: AtomicUsize::new(0),
            readers_ever: AtomicU64::new(0),
        }
    }

    /// Who sends a request.
    pub(crate) async fn admit(&self, headers: &HeaderMap, uri: &Uri) -> Result<Caller, Problem> {
        // Where nobody is asked, a page of any origin in a browser on this machine could do everything: the browser
        // sends what it is told and keeps only the answer from the page.
        if self.asks_nobody() {
            self.admit_origin(headers)?;
        }
        self.authority.admit(headers, uri).await
    }

    /// Whether the page that sends a request, where it is one, may come here.
    pub(crate) fn admit_origin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        // A page of the server's own name is no stranger, unless anybody could have given this machine that name: where
        // callers are not asked who they are, only names on the list count, and those that are always this machine's.
        let own = |host: &&HeaderValue| {
            !self.asks_nobody()
                || host.to_str().is_ok_and(|host| cors::is_loopback_host(&host.to_ascii_lowercase()))
        };
        let host = headers.get(header::HOST).filter(own);
        if cors::admits(&self.config.allowed_origins, origin, host) {
            return Ok(());
        }
        Err(Problem::new("forbidden", "pages of this origin may not come here: see allowed-origins"))
    }

    fn asks_nobody(&self) -> bool {
        self.authority.is_open() && !self.config.insecure
    }

    /// A place among the streaming responses, unless they are as many as there may be.
    pub(crate) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let seated = self.readers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(self));
        self.meters.readers.increment(1.0);
        (seated < self.config.max_readers).then_some(seat)
    }

    /// When a streaming response that begins now ends whatever happens.
    pub(crate) fn last_moment(&self, now: Instant) -> Option<Instant> {
        let lifetime = self.config.reader_lifetime_ms;
        // Up to a tenth less, in sixteen steps, so that readers who came together do not return together.
        let less = lifetime / 160 * (self.readers_ever.fetch_add(1, Ordering::Relaxed) % 16);
        (lifetime > 0).then(|| now + Duration::from_millis(lifetime - less))
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
