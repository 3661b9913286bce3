//! Nodes of a graph.

mod context;
mod error;
mod options;

use async_trait::async_trait;

pub use context::NodeContext;
pub(crate) use error::Kind;
pub use error::NodeError;
pub use options::{NodeOptions, Retry};

use crate::Update;

/// A piece of work in a graph.
///
/// It may run again with the same [`NodeContext::key`]: after an error, after the answer to a question, and after a crash
/// before its step was stored. What it does elsewhere should be safe to do twice under one key.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    /// Does the work, and gives what changes.
    ///
    /// Dropped in the middle when its time is over, or when the run is aborted; before that the token
    /// ([`NodeContext::token`]) is cancelled, where the run is cancelled.
    ///
    /// # Errors
    /// What the runtime is to do about it.
    async fn run(&self, ctx: NodeContext) -> Result<Update, NodeError>;
}

/// An async function is a node.
#[async_trait]
impl<F, R> Node for F
where
    F: Fn(NodeContext) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Update, NodeError>> + Send,
{
    async fn run(&self, ctx: NodeContext) -> Result<Update, NodeError> {
        self(ctx).await
    }
}
