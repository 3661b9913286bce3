//! What a line says of an event.

use headwater_events::{
    Event,
    catalogue::{self, Failure as Why, Role},
};
use serde::{Deserialize, Serialize};

use crate::{Context, trace::Parent};

/// One line. What the event does not say is left out.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// When it happened, as its producer says; else when it was stored.
    time: String,
    level: &'static str,
    #[serde(rename = "type")]
    ty: &'a str,
    message: &'a str,
    tenant: &'a str,
    stream: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    source: &'a str,
    id: &'a str,
    position: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<&'a str>,
}

/// What is looked for in payloads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    task_id: Option<String>,
    agent: Option<String>,
    error: Option<Why>,
}

/// The line of an event, without its end.
pub(super) fn of(event: &Event, context: &Context) -> Result<Vec<u8>, serde_json::Error> {
    let role = catalogue::lookup_name(event.ty()).map_or(Role::Note, |entry| entry.role);
    // A payload that is something else says nothing of these.
    let said: Said = event.data_as().unwrap_or_default();
    let parent = Parent::of(event);
    let stored_at;
    let time = match event.time_text() {
        Some(time) => time,
        None => {
            stored_at = format!("{:.3}", context.record().stored_at());
            &stored_at
        }
    };
    let line = Line {
        time: time.to_owned(),
        level: match role {
            Role::Fails(_) => "error",
            Role::Cancels(_) => "warn",
            _ => "info",
        },
        ty: event.ty(),
        message: catalogue::lookup_name(event.ty()).map_or(event.ty(), |entry| entry.summary()),
        tenant: event.tenant().unwrap_or("default"),
        stream: event.stream(),
        subject: event.subject(),
        task: part(event.subject().unwrap_or_default(), "task").or(said.task_id.as_deref()),
        agent: said.agent.as_deref().or_else(|| part(event.source(), "agents")),
        error: said.error.as_ref().map(Why::message),
        source: event.source(),
        id: event.id(),
        position: context.position().0,
        trace_id: parent.map(|parent| parent.trace_id),
        span_id: parent.map(|parent| parent.span_id),
        correlation_id: event.correlationid(),
        causation_id: event.causationid(),
    };
    serde_json::to_vec(&line)
}

/// What stands behind a word in a path: `t-7` behind `task` in `wf-42/task/t-7`.
fn part<'a>(path: &'a str, word: &str) -> Option<&'a str> {
    let mut parts = path.split('/').skip_while(|part| *part != word);
    parts.next()?;
    parts.next().filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_word_is_found_and_nothing_else() {
        assert_eq!(part("wf-42/task/t-7", "task"), Some("t-7"));
        assert_eq!(part("/agents/coordinator", "agents"), Some("coordinator"));
        assert_eq!(part("wf-42/task", "task"), None);
        assert_eq!(part("wf-42", "task"), None);
    }
}
