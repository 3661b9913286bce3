//! Tasks.

use serde_json::Value;

use super::{Count, Failure, Percentage, macros::family};

family! {
    /// A task was created; nobody has begun it yet.
    TaskCreated = "task.created", v 1, Durable, Opens(Task)
    { Dotted: "task.created"; Constant: "TASK_CREATED"; Snake: "task_created"; Model: "TaskCreated" | "workflow.task.created"; }
    must {}
    may {
        /// Which task, where the subject does not say it.
        task_id: String,
        /// What the task is called.
        name: String,
        /// What it is given.
        input: Value,
        /// The queue it waits in.
        queue: String,
    }

    /// A worker began a task.
    TaskStarted = "task.started", v 1, Durable, Continues(Task)
    { Dotted: "task.started"; Constant: "TASK_STARTED"; Snake: "task_started"; Model: "TaskStarted" | "workflow.task.started"; }
    must {}
    may {
        /// Which task, where the subject does not say it.
        task_id: String,
        /// What the task is called.
        name: String,
        /// Who does it.
        worker: String,
    }

    /// A task got on.
    TaskProgressed = "task.progressed", v 1, Transient, Within(Task)
    { Dotted: "task.progressed"; Constant: "TASK_PROGRESSED"; Snake: "task_progressed"; Model: "TaskProgressed" | "workflow.task.progressed"; }
    must {
        /// How much is done, in percent.
        percentage: Percentage,
    }
    may {
        /// Which task, where the subject does not say it.
        task_id: String,
        /// What it is at.
        message: String,
    }

    /// A task ended well.
    TaskCompleted = "task.completed", v 1, Durable, Completes(Task)
    { Dotted: "task.completed"; Constant: "TASK_COMPLETED"; Snake: "task_completed"; Model: "TaskCompleted" | "workflow.task.completed"; }
    must {}
    may {
        /// Which task, where the subject does not say it.
        task_id: String,
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// A task failed.
    TaskFailed = "task.failed", v 1, Durable, Fails(Task)
    { Dotted: "task.failed"; Constant: "TASK_FAILED"; Snake: "task_failed"; Model: "TaskFailed" | "workflow.task.failed"; }
    must {}
    may {
        /// Which task, where the subject does not say it.
        task_id: String,
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }

    /// A task was cancelled.
    TaskCancelled = "task.cancelled", v 1, Durable, Cancels(Task)
    { Dotted: "task.cancelled"; Constant: "TASK_CANCELLED"; Snake: "task_cancelled"; Model: "TaskCancelled" | "workflow.task.cancelled"; }
    must {}
    may {
        /// Which task, where the subject does not say it.
        task_id: String,
        /// Why.
        reason: String,
    }
}
