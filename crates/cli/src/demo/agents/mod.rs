//! The five agents, each a life of its own.

mod audit;
mod coordinator;
mod deployment;
mod generation;
mod testing;

use super::{Task, agent::Setting};

/// Lets every agent subscribe to what concerns it and gives their lives, not yet begun.
pub(crate) async fn assemble(setting: &Setting) -> anyhow::Result<Vec<Task>> {
    Ok(vec![
        generation::join(setting).await?,
        audit::join(setting).await?,
        testing::join(setting).await?,
        deployment::join(setting).await?,
        coordinator::join(setting).await?,
    ])
}
