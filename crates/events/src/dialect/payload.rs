//! Members of other systems' payloads under our names.

use serde_json::{Map, Value};

use crate::catalogue::Entry;

/// For each type: what a member may be called elsewhere, and what we call it. The first that is there counts.
const NAMES: &[(&str, &[(&str, &str)])] = &[
    ("llm.delta", &[("delta", "text"), ("chunk", "text"), ("message", "text"), ("content", "text")]),
    ("llm.reasoning.delta", &[("delta", "text"), ("chunk", "text"), ("content", "text")]),
    ("llm.completed", &[("completion", "text"), ("message", "text"), ("chunk", "text"), ("content", "text")]),
    ("llm.interrupted", &[("completion", "text")]),
    ("llm.error", &[("message", "error")]),
    ("token", &[("token", "text"), ("delta", "text"), ("data", "text")]),
    ("tool.call", &[("id", "tool_call_id"), ("input", "arguments"), ("tool", "name")]),
    ("tool.arguments", &[("id", "tool_call_id"), ("delta", "arguments")]),
    ("tool.result", &[("id", "tool_call_id"), ("output", "result"), ("tool", "name")]),
    ("progress", &[("status", "message"), ("text", "message")]),
    ("error", &[("error", "message")]),
    (
        "workflow.progressed",
        &[("progress_percentage", "percentage"), ("progress", "percentage"), ("percent", "percentage")],
    ),
    (
        "task.progressed",
        &[("progress_percentage", "percentage"), ("progress", "percentage"), ("percent", "percentage")],
    ),
    ("a2a.request", &[("sender_agent", "from"), ("receiver_agent", "to"), ("message_type", "method")]),
    ("a2a.response", &[("sender_agent", "from"), ("receiver_agent", "to")]),
    ("diagnostic.message", &[("text", "message")]),
    ("state.snapshot", &[("snapshot", "state")]),
    ("state.delta", &[("delta", "patch")]),
];

/// Gives members their names by the table. What has our name already stays, and nothing is left out.
pub(super) fn rename(entry: &Entry, data: &mut Map<String, Value>) {
    let Some((_, names)) = NAMES.iter().find(|(ty, _)| *ty == entry.name) else {
        return;
    };
    for (theirs, ours) in *names {
        if !data.contains_key(*ours)
            && let Some(value) = data.remove(*theirs)
        {
            data.insert((*ours).to_owned(), value);
        }
    }
}
