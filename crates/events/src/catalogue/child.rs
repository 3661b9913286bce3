//! Child workflows, as their parent sees them.

use serde_json::Value;

use super::{Failure, macros::family};

family! {
    /// A workflow asked for a child workflow.
    ChildInitiated = "child.initiated", v 1, Durable, Opens(Child)
    { Dotted: "child.initiated" | "child_workflow.initiated"; Constant: "CHILD_WORKFLOW_INITIATED"; Snake: "child_workflow_initiated"; Model: "ChildWorkflowInitiated" | "workflow.child.initiated"; }
    must {}
    may {
        /// The child's own run.
        child_id: String,
        /// What the child is called.
        name: String,
        /// What it is given.
        input: Value,
    }

    /// A child workflow began.
    ChildStarted = "child.started", v 1, Durable, Continues(Child)
    { Dotted: "child.started" | "child_workflow.started"; Constant: "CHILD_WORKFLOW_STARTED"; Snake: "child_workflow_started"; Model: "ChildWorkflowStarted" | "workflow.child.started"; }
    must {}
    may {
        /// The child's own run.
        child_id: String,
    }

    /// A child workflow ended well.
    ChildCompleted = "child.completed", v 1, Durable, Completes(Child)
    { Dotted: "child.completed" | "child_workflow.completed"; Constant: "CHILD_WORKFLOW_COMPLETED"; Snake: "child_workflow_completed"; Model: "ChildWorkflowCompleted" | "workflow.child.completed"; }
    must {}
    may {
        /// The child's own run.
        child_id: String,
        /// What came of it.
        output: Value,
    }

    /// A child workflow failed.
    ChildFailed = "child.failed", v 1, Durable, Fails(Child)
    { Dotted: "child.failed" | "child_workflow.failed"; Constant: "CHILD_WORKFLOW_FAILED"; Snake: "child_workflow_failed"; Model: "ChildWorkflowFailed" | "workflow.child.failed"; }
    must {}
    may {
        /// The child's own run.
        child_id: String,
        /// Why.
        error: Failure,
    }

    /// A child workflow was cancelled.
    ChildCancelled = "child.cancelled", v 1, Durable, Cancels(Child)
    { Dotted: "child.cancelled" | "child_workflow.cancelled"; Constant: "CHILD_WORKFLOW_CANCELLED"; Snake: "child_workflow_cancelled"; Model: "ChildWorkflowCancelled" | "workflow.child.cancelled"; }
    must {}
    may {
        /// The child's own run.
        child_id: String,
        /// Why.
        reason: String,
    }

    /// The parent wishes its child cancelled.
    ChildCancellationRequested = "child.cancellation.requested", v 1, Durable, Within(Child)
    { Dotted: "child.cancellation.requested"; Constant: "CHILD_WORKFLOW_CANCELLATION_REQUESTED"; Snake: "child_workflow_cancellation_requested"; }
    must {}
    may {
        /// The child's own run.
        child_id: String,
        /// Why.
        reason: String,
    }

    /// The child could not be cancelled.
    ChildCancellationFailed = "child.cancellation.failed", v 1, Durable, Within(Child)
    { Dotted: "child.cancellation.failed"; Constant: "CHILD_WORKFLOW_CANCELLATION_FAILED"; Snake: "child_workflow_cancellation_failed"; }
    must {}
    may {
        /// The child's own run.
        child_id: String,
        /// Why.
        error: Failure,
    }
}
