//! Humans in the run: questions and approvals.

use serde_json::Value;

use super::macros::family;

family! {
    /// The run asks a human and waits.
    InterruptRequested = "interrupt.requested", v 1, Durable, Opens(Interrupt)
    { Dotted: "interrupt.requested"; Constant: "INTERRUPT_REQUESTED"; Snake: "interrupt_requested"; Model: "input.request"; }
    must {}
    may {
        /// Which question, where the subject does not say it.
        interrupt_id: String,
        /// What is asked.
        prompt: String,
        /// Why.
        reason: String,
        /// What an answer must look like, as a JSON Schema.
        schema: Value,
    }

    /// A human answered.
    InterruptResolved = "interrupt.resolved", v 1, Durable, Completes(Interrupt)
    { Dotted: "interrupt.resolved"; Constant: "INTERRUPT_RESOLVED"; Snake: "interrupt_resolved"; Model: "input.response"; }
    must {}
    may {
        /// Which question, where the subject does not say it.
        interrupt_id: String,
        /// The answer.
        value: Value,
        /// Who answered.
        by: String,
    }

    /// Something needs approval.
    ApprovalRequested = "approval.requested", v 1, Durable, Opens(Approval)
    { Dotted: "approval.requested"; Constant: "APPROVAL_REQUESTED"; Snake: "approval_requested"; Model: "approval.request"; }
    must {}
    may {
        /// Which approval, where the subject does not say it.
        approval_id: String,
        /// What is to be done.
        action: String,
        /// What is asked.
        prompt: String,
        /// What it would be done with.
        arguments: Value,
    }

    /// Approval was given or refused.
    ApprovalResolved = "approval.resolved", v 1, Durable, Completes(Approval)
    { Dotted: "approval.resolved"; Constant: "APPROVAL_RESOLVED"; Snake: "approval_resolved"; Model: "approval.response"; }
    must {
        /// Whether it was given.
        approved: bool,
    }
    may {
        /// Which approval, where the subject does not say it.
        approval_id: String,
        /// Who decided.
        by: String,
        /// Why.
        reason: String,
    }
}
