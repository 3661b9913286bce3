//! What handles events.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use headwater_events::Event;

use crate::{Context, Outcome};

/// Handles events of a group, one call for each delivery, many at once.
///
/// Calls for one run come one after the other, in the run's order, through retries. `Ok` acks the event; anything else,
/// a panic included, ends in a bounded number of tries and then in the dead letters. Effects happen at least once:
/// where that is not enough, claim the event first ([`layers::Idempotent`](crate::layers::Idempotent)), or write its id in
/// the transaction of the effect.
///
/// A handler whose lease was lost is told so by [`Context::cancellation`], and what it says then counts for nothing. Its
/// future is dropped, at an await, where the drain timeout of a shutdown has passed, or the time of a
/// [`layers::Timeout`](crate::layers::Timeout). A handler that blocks its thread cannot be stopped.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles one event. `event` is the newest version that upcasters lead to; [`Context::event`] is as it is stored.
    async fn handle(&self, event: &Event, context: &Context) -> Outcome;
}

#[async_trait]
impl<H: Handler + ?Sized> Handler for Arc<H> {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        (**self).handle(event, context).await
    }
}

/// A handler around another one: what a worker does for every event, such as timing it.
pub trait Layer: Send + Sync + 'static {
    /// Puts itself around a handler.
    fn wrap(&self, inner: Arc<dyn Handler>) -> Arc<dyn Handler>;
}

/// A function as a handler: see [`handler_fn`].
#[derive(Clone, Copy)]
pub struct HandlerFn<F>(F);

impl<F> fmt::Debug for HandlerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerFn")
    }
}

/// Makes a handler of a function that takes events as they are.
pub fn handler_fn<F, R>(function: F) -> HandlerFn<F>
where
    F: Fn(Event, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    HandlerFn(function)
}

#[async_trait]
impl<F, R> Handler for HandlerFn<F>
where
    F: Fn(Event, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        (self.0)(event.clone(), context.clone()).await
    }
}
