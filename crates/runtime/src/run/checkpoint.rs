//! Where a run can go on.

use headwater_events::catalogue::CheckpointSaved;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Frontier, Run, lifecycle};
use crate::{RunError, State, metric_definitions as m};

/// Where a run can go on: what stands in its `checkpoint.saved` events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The form of this: 1.
    pub(crate) format: u32,
    /// The graph and its shape.
    pub(crate) graph: String,
    pub(crate) shape: String,
    pub(crate) state: State,
    pub(crate) frontier: Frontier,
}

/// The form that this program writes and reads.
pub(crate) const FORMAT: u32 = 1;

impl Run {
    /// Stores where the run stands. The next step begins when the log has it: so what a step did is never done again
    /// once the next one has begun.
    pub(super) async fn save(&self) -> Result<(), RunError> {
        if self.lease.is_none() {
            return Ok(());
        }
        let checkpoint = Checkpoint {
            format: FORMAT,
            graph: self.graph.name().to_owned(),
            shape: self.graph.shape(),
            state: self.state.clone(),
            frontier: self.frontier.clone(),
        };
        let value = serde_json::to_value(&checkpoint).unwrap_or(Value::Null);
        if !self.fits(&value) {
            let bytes = lifecycle::size(&value);
            return Err(RunError::StateTooLarge { bytes, limit: self.settings.max_event_bytes });
        }
        let due: Vec<&str> = self.frontier.due().collect();
        let saved = CheckpointSaved::new()
            .checkpoint_id(self.frontier.steps().to_string())
            .step(due.join(", "))
            .state(value);
        let stored = tokio::select! {
            stored = self.root.publish(&saved) => stored,
            () = self.control.aborted().cancelled() => return Err(self.control.error()),
        };
        stored?;
        metrics::counter!(m::CHECKPOINTS).increment(1);
        Ok(())
    }
}
