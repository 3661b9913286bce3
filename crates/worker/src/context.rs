//! What a handler knows of the delivery it handles.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use headwater_broker::{Group, Lease, Leased};
use headwater_events::{Event, Position, Tenant};
use headwater_store::Record;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One delivery, as a handler sees it. Cloning copies a pointer.
#[derive(Clone)]
pub struct Context(Arc<Delivery>);

struct Delivery {
    leased: Leased,
    group: Arc<Group>,
    tenant: OnceLock<Tenant>,
    deadline: Mutex<Instant>,
    stopped: AtomicU8,
    token: OnceLock<CancellationToken>,
}

/// Why a handler is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The lease was lost: another worker has the event, or will have it. Effects from here on are a zombie's.
    LeaseLost,
    /// The worker shuts down and has waited as long as it may.
    Shutdown,
}

impl Context {
    /// The context of a delivery whose lease holds until `deadline`.
    #[must_use]
    pub fn new(group: Arc<Group>, leased: Leased, deadline: Instant) -> Self {
        Self(Arc::new(Delivery {
            leased,
            group,
            tenant: OnceLock::new(),
            deadline: Mutex::new(deadline),
            stopped: AtomicU8::new(0),
            token: OnceLock::new(),
        }))
    }

    /// The event as it is stored: what the handler is called with may be a newer version of it.
    #[must_use]
    pub fn event(&self) -> &Event {
        self.0.leased.event()
    }

    /// The event with its place in the log.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.0.leased.record
    }

    /// Where the event stands in the log.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.leased.record.position()
    }

    /// Whose event it is.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        // What is stored has a tenant that was checked.
        self.0.tenant.get_or_init(|| self.event().tenant_name().unwrap_or_default())
    }

    /// The group the worker works for.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.0.group
    }

    /// How often the event has been delivered, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.leased.attempt
    }

    /// Grows whenever the event's lane changes its owner: effects elsewhere can refuse those of a lower one.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.0.leased.fence
    }

    /// Where its dead letter stands, if this is a life after one.
    #[must_use]
    pub fn replay_of(&self) -> Option<Position> {
        self.0.leased.replay_of
    }

    /// What the delivery is settled by.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.0.leased.lease
    }

    /// How long the lease holds unless it is extended, which the worker does by itself.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancelled once the handler is to stop: its lease was lost, or the worker shuts down and cannot wait longer.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        let token = self.0.token.get_or_init(CancellationToken::new);
        if self.stopped().is_some() {
            token.cancel();
        }
        token
    }

    /// Whether the handler is to stop, and why.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        match self.0.stopped.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Stopped::LeaseLost),
            _ => Some(Stopped::Shutdown),
        }
    }

    pub(crate) fn extend_to(&self, deadline: Instant) {
        *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    /// Tells the handler to stop. The first reason stands.
    pub(crate) fn stop(&self, why: Stopped) {
        let code = match why {
            Stopped::LeaseLost => 1,
            Stopped::Shutdown => 2,
        };
        let _ = self.0.stopped.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        // Whoever makes the token after this looks at the reason first.
        if let Some(token) = self.0.token.get() {
            token.cancel();
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("group", &self.group().to_string())
            .field("event", &self.event().id())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
