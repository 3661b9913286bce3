//! An async function as a step.

use std::{fmt, marker::PhantomData};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use headwater_bus::PublisherManager;

use super::{Step, StepContext};
use crate::NodeError;

type Work<I, O> = dyn Fn(StepContext, I) -> BoxFuture<'static, Result<O, NodeError>> + Send + Sync;

/// An async function as a step.
///
/// ```
/// use headwater_runtime::{FnStep, Step, StepContext};
/// let step = FnStep::new("hello", async |ctx: StepContext, name: String| {
///     ctx.progress(0.5, "half way").await;
///     Ok(format!("Hello, {name}"))
/// });
/// assert_eq!(step.name(), "hello");
/// ```
pub struct FnStep<I, O> {
    name: String,
    publishers: PublisherManager,
    work: Box<Work<I, O>>,
    types: PhantomData<fn(I) -> O>,
}

impl<I: Send + 'static, O: Send + 'static> FnStep<I, O> {
    /// A step of this name that does this.
    pub fn new<F, R>(name: impl Into<String>, work: F) -> Self
    where
        F: Fn(StepContext, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, NodeError>> + Send + 'static,
    {
        let work = Box::new(move |ctx, input| -> BoxFuture<'static, _> { Box::pin(work(ctx, input)) });
        Self { name: name.into(), publishers: PublisherManager::new(), work, types: PhantomData }
    }
}

#[async_trait]
impl<I: Send + 'static, O: Send + 'static> Step for FnStep<I, O> {
    type Input = I;
    type Output = O;

    fn name(&self) -> &str {
        &self.name
    }

    fn publishers(&self) -> &PublisherManager {
        &self.publishers
    }

    async fn run(&self, ctx: &StepContext, input: I) -> Result<O, NodeError> {
        (self.work)(ctx.clone(), input).await
    }
}

impl<I, O> fmt::Debug for FnStep<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnStep").field("name", &self.name).finish_non_exhaustive()
    }
}
