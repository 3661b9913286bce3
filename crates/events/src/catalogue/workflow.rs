//! Workflows: the only kind that can be a run of its own.

use serde_json::Value;

use super::{Count, Failure, Percentage, macros::family};

family! {
    /// A workflow was created; it has not begun yet.
    WorkflowCreated = "workflow.created", v 1, Durable, Opens(Workflow)
    { Dotted: "workflow.created"; Constant: "WORKFLOW_CREATED"; Snake: "workflow_created"; Model: "WorkflowCreated"; }
    must {}
    may {
        /// What the workflow is called.
        name: String,
        /// What it is given.
        input: Value,
        /// Who asked for it.
        requested_by: String,
    }

    /// A workflow began.
    WorkflowStarted = "workflow.started", v 1, Durable, Continues(Workflow)
    { Dotted: "workflow.started"; Constant: "WORKFLOW_STARTED"; Snake: "workflow_started"; Model: "WorkflowStarted"; Chat: "run-started"; }
    must {}
    may {
        /// What the workflow is called.
        name: String,
        /// What it is given.
        input: Value,
        /// Who asked for it.
        requested_by: String,
    }

    /// A workflow got on.
    WorkflowProgressed = "workflow.progressed", v 1, Transient, Within(Workflow)
    { Dotted: "workflow.progressed"; Constant: "WORKFLOW_PROGRESSED"; Snake: "workflow_progressed"; Model: "WorkflowProgressed"; }
    must {
        /// How much is done, in percent.
        percentage: Percentage,
    }
    may {
        /// What it is at.
        message: String,
        /// The stage it is in.
        stage: String,
    }

    /// A workflow ended well.
    WorkflowCompleted = "workflow.completed", v 1, Durable, Completes(Workflow)
    { Dotted: "workflow.completed"; Constant: "WORKFLOW_COMPLETED"; Snake: "workflow_completed"; Model: "WorkflowCompleted"; Chat: "run-finished"; }
    must {}
    may {
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// A workflow failed.
    WorkflowFailed = "workflow.failed", v 1, Durable, Fails(Workflow)
    { Dotted: "workflow.failed"; Constant: "WORKFLOW_FAILED"; Snake: "workflow_failed"; Model: "WorkflowFailed"; Chat: "run-failed"; }
    must {}
    may {
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }

    /// A workflow was cancelled.
    WorkflowCancelled = "workflow.cancelled", v 1, Durable, Cancels(Workflow)
    { Dotted: "workflow.cancelled"; Constant: "WORKFLOW_CANCELLED"; Snake: "workflow_cancelled"; Model: "WorkflowCancelled"; Chat: "run-stopped"; }
    must {}
    may {
        /// Why.
        reason: String,
        /// Who wished it.
        requested_by: String,
    }

    /// A workflow waits for something.
    WorkflowSuspended = "workflow.suspended", v 1, Durable, Within(Workflow)
    { Dotted: "workflow.suspended"; Constant: "WORKFLOW_SUSPENDED"; Snake: "workflow_suspended"; Model: "WorkflowSuspended"; }
    must {}
    may {
        /// Why.
        reason: String,
        /// What it waits for: a timer, a promise, an approval.
        waiting_for: String,
    }

    /// A workflow goes on, after it was suspended or had ended.
    WorkflowResumed = "workflow.resumed", v 1, Durable, Continues(Workflow)
    { Dotted: "workflow.resumed"; Constant: "WORKFLOW_RESUMED"; Snake: "workflow_resumed"; Model: "WorkflowResumed"; }
    must {}
    may {
        /// Why.
        reason: String,
    }

    /// Somebody wishes a workflow cancelled.
    WorkflowCancellationRequested = "workflow.cancellation.requested", v 1, Durable, Within(Workflow)
    { Dotted: "workflow.cancellation.requested"; Constant: "CANCELLATION_REQUESTED"; Snake: "workflow_cancellation_requested"; }
    must {}
    may {
        /// Why.
        reason: String,
        /// Who wishes it.
        requested_by: String,
    }
}
