//! Steps and nodes of a graph.

use serde_json::Value;

use super::{Count, Failure, macros::family};

family! {
    /// A step began.
    StepStarted = "step.started", v 1, Durable, Opens(Step)
    { Dotted: "step.started"; Constant: "STEP_STARTED"; Snake: "step_started"; Model: "StepStarted"; }
    must {}
    may {
        /// Which step, where the subject does not say it.
        step_id: String,
        /// What the step is called.
        name: String,
        /// What it is given.
        input: Value,
    }

    /// A step ended well.
    StepCompleted = "step.completed", v 1, Durable, Completes(Step)
    { Dotted: "step.completed"; Constant: "STEP_COMPLETED"; Snake: "step_completed"; Model: "StepCompleted"; }
    must {}
    may {
        /// Which step, where the subject does not say it.
        step_id: String,
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// A step failed.
    StepFailed = "step.failed", v 1, Durable, Fails(Step)
    { Dotted: "step.failed"; Constant: "STEP_FAILED"; Snake: "step_failed"; Model: "StepFailed"; }
    must {}
    may {
        /// Which step, where the subject does not say it.
        step_id: String,
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }

    /// A node of a graph says something.
    NodeMessage = "node.message", v 1, Durable, Note
    { Dotted: "node.message"; Constant: "NODE_MESSAGE"; Snake: "node_message"; Graph: "node"; }
    must {
        /// What it says.
        message: String,
    }
    may {
        /// The scope it names.
        scope: String,
    }

    /// The runtime says something about itself.
    DiagnosticMessage = "diagnostic.message", v 1, Durable, Note
    { Dotted: "diagnostic.message"; Constant: "DIAGNOSTIC_MESSAGE"; Snake: "diagnostic_message"; Graph: "diagnostic"; Chat: "log" | "info"; }
    must {
        /// What it says.
        message: String,
    }
    may {
        /// The scope it names.
        scope: String,
        /// How grave it is: debug, info, warn, error.
        level: String,
    }

    /// A piece of work that has no steps of its own was done.
    OperationCompleted = "operation.completed", v 1, Durable, Note
    { Dotted: "operation.completed"; Constant: "OPERATION_COMPLETED"; Snake: "operation_completed"; }
    must {}
    may {
        /// What was done.
        name: String,
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }
}
