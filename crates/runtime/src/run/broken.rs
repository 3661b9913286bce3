//! Closing what a lost process left in the middle.

use headwater_events::{
    Event, EventType,
    catalogue::{
        self, A2aResponse, AuditFailed, DeploymentFailed, GenerationFailed, Kind, LlmInterrupted, StepFailed,
        TaskFailed, TestingFailed, ToolError,
    },
};
use serde_json::{Map, Value};

/// What is said of it.
const WHY: &str = "broken off: the process that worked on it is gone";

/// The events that close what these opened. Questions to humans stay open: they may be answered still.
pub(super) fn closers(mut open: Vec<Event>) -> Vec<Event> {
    // What was opened last is closed first.
    open.sort_by_key(|event| std::cmp::Reverse((event.time(), event.sequence())));
    open.iter().filter_map(closer).collect()
}

fn closer(opened: &Event) -> Option<Event> {
    let kind = catalogue::lookup_name(opened.ty())?.role.kind()?;
    let (ty, id, why) = match kind {
        Kind::Step => (StepFailed::TYPE, "step_id", "error"),
        Kind::Task => (TaskFailed::TYPE, "task_id", "error"),
        Kind::Llm => (LlmInterrupted::TYPE, "stream_id", "reason"),
        Kind::Tool => (ToolError::TYPE, "tool_call_id", "error"),
        Kind::A2a => (A2aResponse::TYPE, "request_id", "error"),
        Kind::Generation => (GenerationFailed::TYPE, "", "error"),
        Kind::Audit => (AuditFailed::TYPE, "", "error"),
        Kind::Testing => (TestingFailed::TYPE, "", "error"),
        Kind::Deployment => (DeploymentFailed::TYPE, "", "error"),
        _ => return None,
    };
    let given: Map<String, Value> = opened.data_as().unwrap_or_default();
    let mut data = Map::new();
    if let Some(value) = given.get(id) {
        data.insert(id.to_owned(), value.clone());
    }
    data.insert(why.to_owned(), WHY.into());
    let closer = Event::builder(opened.source(), ty)
        .subject(opened.subject().unwrap_or_else(|| opened.stream()))
        .tenant(&opened.tenant_name().ok()?)
        .stream(&opened.stream_name().ok()?)
        .data(&data);
    closer.build().ok()
}
