//! Steps: pieces of work that tell what they do.

mod context;
mod function;

use async_trait::async_trait;
use headwater_bus::{EmitterHandle, PublisherManager};
use headwater_events::catalogue::{StepCompleted, StepFailed, StepStarted};

pub use context::StepContext;
pub use function::FnStep;

use crate::NodeError;

/// A piece of work that tells what it does: that it began, what it says meanwhile, and how it ended.
///
/// Its events go to the run it works in and to every topic that was added to it. Publishing never fails the step.
#[async_trait]
pub trait Step: Send + Sync + 'static {
    /// What it is given.
    type Input: Send + 'static;
    /// What comes of it.
    type Output: Send + 'static;

    /// What it is called.
    fn name(&self) -> &str;

    /// The topics of its own.
    fn publishers(&self) -> &PublisherManager;

    /// Does the work. What it emits goes through `ctx`.
    ///
    /// # Errors
    /// What went wrong.
    async fn run(&self, ctx: &StepContext, input: Self::Input) -> Result<Self::Output, NodeError>;

    /// Publishes what the step emits to a topic too.
    fn add_published_topic(&self, topic: &str, publisher: EmitterHandle) {
        self.publishers().register(topic, publisher);
    }

    /// Runs the step as a part of a run: `step.started`, whatever it emits, and `step.completed` or `step.failed`.
    ///
    /// # Errors
    /// As [`Step::run`].
    async fn start(&self, ctx: &StepContext, input: Self::Input) -> Result<Self::Output, NodeError> {
        let ctx = ctx.part(self.name()).also(self.publishers());
        let id = uuid::Uuid::now_v7().to_string();
        ctx.emit(&StepStarted::new().step_id(id.as_str()).name(self.name())).await;
        let begun = tokio::time::Instant::now();
        let outcome = self.run(&ctx, input).await;
        let took = crate::millis(begun.elapsed());
        match &outcome {
            Ok(_) => ctx.emit(&StepCompleted::new().step_id(id).duration_ms(took)).await,
            Err(error) => {
                let failed = StepFailed::new().step_id(id).error(error.message()).duration_ms(took);
                ctx.emit(&failed).await;
            }
        }
        outcome
    }
}
