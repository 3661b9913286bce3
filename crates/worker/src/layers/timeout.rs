//! How long a handler may take.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_events::Event;

use crate::{Context, Failure, Handler, Kind, Layer, Outcome};

/// Drops a handler that takes longer, at its next await, with a failure of [`Kind::TimedOut`].
#[derive(Debug, Clone, Copy)]
pub struct Timeout(Duration);

impl Timeout {
    /// After this time.
    #[must_use]
    pub const fn after(time: Duration) -> Self {
        Self(time)
    }
}

impl Layer for Timeout {
    fn wrap(&self, inner: Arc<dyn Handler>) -> Arc<dyn Handler> {
        Arc::new(Timed { inner, time: self.0 })
    }
}

struct Timed {
    inner: Arc<dyn Handler>,
    time: Duration,
}

#[async_trait]
impl Handler for Timed {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        match tokio::time::timeout(self.time, self.inner.handle(event, context)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::new(Kind::TimedOut, format!("it took longer than {:?}", self.time))),
        }
    }
}
