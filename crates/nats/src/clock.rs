//! The server's clock, as this process reckons it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use tokio::time::Instant;

/// Time by the server's clock without asking it each time: what it said last, and what has passed since on this
/// machine's monotonic clock. So all processes that append agree, and a wrong clock of one of them does no harm.
#[derive(Debug)]
pub(crate) struct ServerClock {
    anchor: Mutex<(Timestamp, Instant)>,
    /// The last time given: it never goes back.
    last_ms: AtomicI64,
}

impl ServerClock {
    pub(crate) fn new() -> Self {
        Self {
            anchor: Mutex::new((Timestamp::UNIX_EPOCH, Instant::now())),
            last_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// The server said `time` in an answer that was asked for at `asked`.
    pub(crate) fn set(&self, time: Timestamp, asked: Instant) {
        let half = asked.elapsed() / 2;
        let now = time.checked_add(half).unwrap_or(time);
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = (now, Instant::now());
    }

    /// The present, by the server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        let (anchor, since) = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        anchor.checked_add(since.elapsed()).unwrap_or(anchor)
    }

    /// The present in milliseconds, never less than what it gave before.
    pub(crate) fn stamp_ms(&self) -> i64 {
        let now = self.now().as_millisecond();
        self.last_ms.fetch_max(now, Ordering::Relaxed).max(now)
    }
}
