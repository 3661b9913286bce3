//! How long handlers take, by type.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use headwater_events::Event;
use metrics::{Histogram, histogram};
use tokio::time::Instant;

use crate::{Bounded, Context, Handler, Layer, Outcome, metric_definitions as definitions};

/// Measures how long handlers take, by group and type: a limited number of types, and one label for the rest.
#[derive(Debug, Clone, Copy)]
pub struct Metered {
    types: usize,
}

impl Metered {
    /// For at most this many types.
    #[must_use]
    pub const fn types(types: usize) -> Self {
        Self { types }
    }
}

impl Default for Metered {
    /// For 200 types.
    fn default() -> Self {
        Self::types(200)
    }
}

impl Layer for Metered {
    fn wrap(&self, inner: Arc<dyn Handler>) -> Arc<dyn Handler> {
        Arc::new(Measured { inner, types: Bounded::new(self.types), seconds: Mutex::default() })
    }
}

struct Measured {
    inner: Arc<dyn Handler>,
    types: Bounded,
    seconds: Mutex<HashMap<Arc<str>, Histogram>>,
}

impl Measured {
    fn seconds(&self, event: &Event, context: &Context) -> Histogram {
        let ty = self.types.label(event.ty());
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let made = seconds.entry(ty).or_insert_with_key(|ty| {
            let labels = [("group", context.group().name.to_string()), ("type", ty.to_string())];
            histogram!(definitions::HANDLER_SECONDS, &labels)
        });
        made.clone()
    }
}

#[async_trait]
impl Handler for Measured {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        let seconds = self.seconds(event, context);
        let start = Instant::now();
        let outcome = self.inner.handle(event, context).await;
        seconds.record(start.elapsed());
        outcome
    }
}
