//! How many events a handler may be called for in a second.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use headwater_events::Event;
use tokio::time::Instant;

use crate::{Context, Handler, Layer, Outcome};

/// Lets so many events through in a second, evenly; the others wait in their slots, their leases kept.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit(Duration);

impl RateLimit {
    /// At most this many events a second, and at least one.
    #[must_use]
    pub fn per_second(events: u32) -> Self {
        Self(Duration::from_secs(1) / events.max(1))
    }
}

impl Layer for RateLimit {
    fn wrap(&self, inner: Arc<dyn Handler>) -> Arc<dyn Handler> {
        Arc::new(Limited { inner, each: self.0, next: Mutex::new(None) })
    }
}

struct Limited {
    inner: Arc<dyn Handler>,
    each: Duration,
    /// When the next event may go.
    next: Mutex<Option<Instant>>,
}

impl Limited {
    fn turn(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + self.each);
        turn
    }
}

#[async_trait]
impl Handler for Limited {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        tokio::time::sleep_until(self.turn()).await;
        self.inner.handle(event, context).await
    }
}
