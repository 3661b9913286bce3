//! A run that is under way.

use headwater_events::StreamName;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{RunError, RunOutcome, run::Control};

/// A run that is under way.
///
/// Dropping it leaves the run to itself: it goes on to its end, and its stream tells how that was. With
/// [`InvocationHandle::cancel_on_drop`] the run is cancelled instead.
#[derive(Debug)]
#[must_use = "dropping the handle leaves the run to itself"]
pub struct InvocationHandle {
    run: StreamName,
    control: Control,
    task: Option<JoinHandle<Result<RunOutcome, RunError>>>,
    cancel_on_drop: bool,
}

impl InvocationHandle {
    pub(super) fn new(
        run: StreamName,
        control: Control,
        task: JoinHandle<Result<RunOutcome, RunError>>,
    ) -> Self {
        Self { run, control, task: Some(task), cancel_on_drop: false }
    }

    /// The run: the name of its stream.
    #[must_use]
    pub const fn run(&self) -> &StreamName {
        &self.run
    }

    /// Waits for the outcome. Dropping the future loses nothing, so that it can be one branch of a `select!`; join again.
    ///
    /// # Errors
    /// Why the run did not come to a good end. [`RunError::Join`] where the outcome was taken before.
    pub async fn join(&mut self) -> Result<RunOutcome, RunError> {
        let Some(task) = &mut self.task else {
            return Err(RunError::Join("the outcome of the run was taken before".to_owned()));
        };
        let outcome = task.await;
        self.task = None;
        outcome.unwrap_or_else(|error| Err(RunError::Join(format!("the run's task ended early: {error}"))))
    }

    /// Asks the run to stop: the tokens of its nodes are cancelled, and nodes that do not stop in their time
    /// ([`cancel_grace`](crate::RuntimeConfig::cancel_grace)) are dropped. The stream ends with `workflow.cancelled`.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.control.cancel(Some(reason.into()));
    }

    /// Stops the run at once: nodes are dropped where they are. The stream ends with `workflow.cancelled`.
    pub fn abort(&self) {
        self.control.abort();
    }

    /// Asks one node to stop; its error is what the node makes of it. Gives whether the node runs.
    pub fn cancel_node(&self, node: &str) -> bool {
        self.control.cancel_node(node)
    }

    /// Cancelled when the run is asked to stop; cancelling it asks the run to stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.control.token().clone()
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Cancels the run when the handle is dropped: for a request whose client may go.
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancel_on_drop = true;
        self
    }
}

impl Drop for InvocationHandle {
    fn drop(&mut self) {
        if self.cancel_on_drop && self.task.is_some() {
            self.control.cancel(Some("nobody waits for it any more".to_owned()));
        }
    }
}
