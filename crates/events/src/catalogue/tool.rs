//! Tools: the call, its arguments as they are written, and what came of it.

use serde_json::Value;

use super::{Count, Failure, macros::family};

family! {
    /// A tool is called.
    ToolCall = "tool.call", v 1, Durable, Opens(Tool)
    { Dotted: "tool.call"; Constant: "TOOL_CALL"; Snake: "tool_call"; Model: "ToolCall"; Chat: "tool-call" | "tool-call-requested"; }
    must {}
    may {
        /// Which call, where the subject does not say it.
        tool_call_id: String,
        /// The tool.
        name: String,
        /// All arguments.
        arguments: Value,
    }

    /// A piece of the arguments of a call, as the model writes it. They come before the call or inside it.
    ToolArguments = "tool.arguments", v 1, Transient, Note, delta "arguments"
    { Dotted: "tool.arguments" | "tool.arguments.delta"; Constant: "TOOL_ARGUMENTS"; Snake: "tool_arguments"; Chat: "tool-call-arguments-delta"; }
    must {
        /// The piece of JSON text.
        arguments: String,
    }
    may {
        /// Which call, where the subject does not say it.
        tool_call_id: String,
        /// The tool.
        name: String,
    }

    /// A tool answered.
    ToolResult = "tool.result", v 1, Durable, Completes(Tool)
    { Dotted: "tool.result"; Constant: "TOOL_RESULT"; Snake: "tool_result"; Model: "ToolResult"; Chat: "tool-result" | "tool-result-ready"; }
    must {}
    may {
        /// Which call, where the subject does not say it.
        tool_call_id: String,
        /// The tool.
        name: String,
        /// What came of it.
        result: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// A tool failed.
    ToolError = "tool.error", v 1, Durable, Fails(Tool)
    { Dotted: "tool.error" | "tool.failed"; Constant: "TOOL_ERROR"; Snake: "tool_error"; Model: "ToolError"; }
    must {}
    may {
        /// Which call, where the subject does not say it.
        tool_call_id: String,
        /// The tool.
        name: String,
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }
}
