//! A sink over a stream of its own.

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle};

use super::{Goal, Health, SinkHealth};

/// A sink that takes one stream to its end. Dropping it stops the sink where it is.
#[derive(Debug)]
pub struct SinkTask {
    pub(crate) health: Health,
    /// Held so that the worker goes on.
    pub(crate) goal: watch::Sender<Goal>,
    pub(crate) task: JoinHandle<()>,
}

impl SinkTask {
    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> SinkHealth {
        self.health.now().clone()
    }

    /// Waits until the sink has taken the stream to its end, or is over, at most for `patience`, and says how it did.
    pub async fn finish(mut self, patience: Duration) -> SinkHealth {
        if tokio::time::timeout(patience, &mut self.task).await.is_err() {
            self.task.abort();
        }
        drop(self.goal);
        self.health.now().clone()
    }
}
