//! What the runtime tells of a run by itself.

use std::time::Duration;

use headwater_events::{
    Event,
    catalogue::{
        StateDelta, StateSet, StateSnapshot, WorkflowCancelled, WorkflowCompleted, WorkflowFailed,
        WorkflowResumed, WorkflowStarted,
    },
};
use serde_json::{Value, json};

use super::{Run, RunOutcome};
use crate::{RunError, millis};

/// How much of an event's size is left for its attributes, in bytes.
const ATTRIBUTES: usize = 4 * 1024;

impl Run {
    pub(super) async fn tell_start(&self) {
        let input = self.state.to_value();
        let started = WorkflowStarted::new().name(self.graph.name());
        if self.fits(&input) {
            self.root.emit(&started.input(input.clone())).await;
        } else {
            self.root.emit(&started).await;
        }
        if self.settings.state_events && self.fits(&input) {
            self.root.emit(&StateSnapshot::new(input)).await;
        }
    }

    /// The run goes on: what was left in the middle is closed, so that it can begin again.
    pub(super) async fn tell_resumed(&self, broken: Vec<Event>) {
        self.root.emit(&WorkflowResumed::new().reason("the process that worked on it is gone")).await;
        for event in broken {
            self.root.emit_event(event).await;
        }
    }

    /// The changes of a step. A value that is too large for an event is named only.
    pub(super) async fn tell_state(&self, changed: &[String]) {
        if !self.settings.state_events || changed.is_empty() {
            return;
        }
        let mut patch = Vec::new();
        for key in changed {
            let value = self.state.get(key).unwrap_or(&Value::Null);
            if self.fits(value) {
                patch.push(json!({ "op": "add", "path": pointer(key), "value": value }));
            } else {
                self.root.emit(&StateSet::new(key.as_str())).await;
            }
        }
        if self.fits(&Value::Array(patch.clone())) {
            self.root.emit(&StateDelta::new(patch)).await;
            return;
        }
        for change in patch {
            self.root.emit(&StateDelta::new(vec![change])).await;
        }
    }

    /// The end of the run, stored before anybody hears of it. A run whose lease is lost belongs to another process, and
    /// this one says nothing more about it.
    pub(super) async fn tell_end(
        &self,
        outcome: Result<RunOutcome, RunError>,
        took: Duration,
    ) -> Result<RunOutcome, RunError> {
        let told = match &outcome {
            Ok(done) => {
                let output = done.state.to_value();
                let mut completed = WorkflowCompleted::new().duration_ms(millis(took));
                if self.fits(&output) {
                    completed = completed.output(output);
                }
                self.root.publish(&completed).await
            }
            Err(RunError::LeaseLost { .. }) => return outcome,
            Err(RunError::Cancelled { reason }) => {
                let mut cancelled = WorkflowCancelled::new();
                cancelled.reason.clone_from(reason);
                self.root.publish(&cancelled).await
            }
            Err(error) => {
                let failed = WorkflowFailed::new().error(error.to_string()).duration_ms(millis(took));
                self.root.publish(&failed).await
            }
        };
        match (outcome, told) {
            (Ok(_), Err(error)) => Err(error.into()),
            (outcome, told) => {
                if let Err(error) = told {
                    tracing::error!(run = %self.root.run(), "the end of the run is not stored: {error}");
                }
                outcome
            }
        }
    }

    /// Whether a value fits into an event.
    pub(super) fn fits(&self, value: &Value) -> bool {
        size(value) + ATTRIBUTES <= self.settings.max_event_bytes
    }
}

/// How many bytes a value has as JSON.
pub(super) fn size(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail, and a value is always JSON.
    drop(serde_json::to_writer(&mut count, value));
    count.0
}

/// A key as a JSON Pointer.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}
