//! Language models: the answer as it is written, and as a whole.

use super::{Count, Failure, Usage, macros::family};

family! {
    /// A model began to answer.
    LlmStarted = "llm.started", v 1, Durable, Opens(Llm)
    { Dotted: "llm.started" | "llm.start"; Constant: "LLM_STARTED"; Snake: "llm_started"; Model: "llm.call.started"; Chat: "start" | "provider-call-started"; }
    must {}
    may {
        /// The session.
        session_id: String,
        /// The node that asked.
        node_id: String,
        /// Which answer, where the subject does not say it.
        stream_id: String,
        /// The model.
        model: String,
        /// Who runs the model.
        provider: String,
    }

    /// A piece of a model's text.
    LlmDelta = "llm.delta", v 1, Transient, Within(Llm), delta "text"
    { Dotted: "llm.delta" | "llm.chunk"; Constant: "LLM_DELTA"; Snake: "llm_delta"; Model: "llm.call.chunk"; Graph: "llm"; Chat: "partial" | "text-delta"; }
    must {
        /// The piece.
        text: String,
    }
    may {
        /// The session.
        session_id: String,
        /// The node that asked.
        node_id: String,
        /// Which answer, where the subject does not say it.
        stream_id: String,
        /// Which part of the answer, where it has several.
        part: String,
    }

    /// A model's answer is whole. It ends the answer, never the run.
    LlmCompleted = "llm.completed", v 1, Durable, Completes(Llm)
    { Dotted: "llm.completed" | "llm.final"; Constant: "LLM_COMPLETED"; Snake: "llm_completed"; Model: "llm.call.completed"; Chat: "final" | "provider-call-finished"; }
    must {}
    may {
        /// The session.
        session_id: String,
        /// The node that asked.
        node_id: String,
        /// Which answer, where the subject does not say it.
        stream_id: String,
        /// The whole text.
        text: String,
        /// The model.
        model: String,
        /// Why it stopped.
        finish_reason: String,
        /// What it took.
        usage: Usage,
        /// How long it took.
        duration_ms: Count,
    }

    /// A model's answer failed.
    LlmError = "llm.error", v 1, Durable, Fails(Llm)
    { Dotted: "llm.error" | "llm.failed"; Constant: "LLM_ERROR"; Snake: "llm_error"; Model: "llm.call.failed"; Chat: "error"; }
    must {}
    may {
        /// The session.
        session_id: String,
        /// The node that asked.
        node_id: String,
        /// Which answer, where the subject does not say it.
        stream_id: String,
        /// Why.
        error: Failure,
        /// What had been written.
        text: String,
    }

    /// A model's answer was broken off.
    LlmInterrupted = "llm.interrupted", v 1, Durable, Cancels(Llm)
    { Dotted: "llm.interrupted"; Constant: "LLM_INTERRUPTED"; Snake: "llm_interrupted"; Chat: "interrupt"; }
    must {}
    may {
        /// The session.
        session_id: String,
        /// The node that asked.
        node_id: String,
        /// Which answer, where the subject does not say it.
        stream_id: String,
        /// What had been written.
        text: String,
        /// Why.
        reason: String,
    }

    /// A piece of a model's reasoning.
    LlmReasoningDelta = "llm.reasoning.delta", v 1, Transient, Within(Llm), delta "text"
    { Dotted: "llm.reasoning.delta"; Constant: "LLM_REASONING_DELTA"; Snake: "llm_reasoning_delta"; Chat: "reasoning-delta"; }
    must {
        /// The piece.
        text: String,
    }
    may {
        /// The session.
        session_id: String,
        /// The node that asked.
        node_id: String,
        /// Which answer, where the subject does not say it.
        stream_id: String,
        /// Which part of the reasoning, where it has several.
        part: String,
    }

    /// A model's reasoning is whole.
    LlmReasoningCompleted = "llm.reasoning.completed", v 1, Durable, Within(Llm)
    { Dotted: "llm.reasoning.completed"; Constant: "LLM_REASONING_COMPLETED"; Snake: "llm_reasoning_completed"; Chat: "reasoning-finished"; }
    must {}
    may {
        /// The session.
        session_id: String,
        /// The node that asked.
        node_id: String,
        /// Which answer, where the subject does not say it.
        stream_id: String,
        /// The whole reasoning.
        text: String,
    }
}
