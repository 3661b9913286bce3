//! From an event to what changes in the tables.

use std::borrow::Cow;

use headwater_events::{
    Data, Event,
    catalogue::{self, Kind, Role},
};
use serde_json::Value;

/// What an event changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) kind: &'static str,
    /// Which one of its kind: its id where the payload names one, else its subject.
    pub(super) part: String,
    /// Whether it is the run itself.
    pub(super) root: bool,
    /// The state it is in from here on; `None` leaves it.
    pub(super) state: Option<&'static str>,
    pub(super) outcome: Option<&'static str>,
}

impl Update {
    /// `None` where the event tells of nothing that has a state.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let entry = catalogue::lookup_name(event.ty())?;
        let kind = entry.role.kind()?;
        let subject = event.subject().unwrap_or_else(|| event.stream());
        let root = kind.is_root() && subject == event.stream();
        let outcome = match entry.role {
            Role::Completes(_) => Some("completed"),
            Role::Fails(_) => Some("failed"),
            Role::Cancels(_) => Some("cancelled"),
            _ => None,
        };
        let state = outcome.or(match entry.role {
            Role::Opens(_) if root => Some("created"),
            Role::Opens(_) => Some("open"),
            Role::Continues(_) => Some("running"),
            Role::Within(Kind::Workflow) if entry.name == "workflow.suspended" => Some("suspended"),
            _ => None,
        });
        Some(Self { kind: kind.as_str(), part: part_of(event, kind, subject), root, state, outcome })
    }
}

/// Which part it is, as the payload's id names it, else its subject.
fn part_of(event: &Event, kind: Kind, subject: &str) -> String {
    let member = match kind {
        Kind::Task => "task_id",
        Kind::Step => "step_id",
        Kind::Child => "child_id",
        Kind::Timer => "timer_id",
        Kind::Promise => "promise_id",
        Kind::A2a => "request_id",
        Kind::Llm => "stream_id",
        Kind::Tool => "tool_call_id",
        Kind::Interrupt => "interrupt_id",
        Kind::Approval => "approval_id",
        _ => return subject.to_owned(),
    };
    let data: Option<Value> = event.data_as().ok();
    let id = data.as_ref().and_then(|data| data.get(member)?.as_str());
    // `wf-42/task/t-7` and `t-7` are one task.
    id.unwrap_or_else(|| subject.rsplit('/').next().unwrap_or(subject)).to_owned()
}

/// The payload as PostgreSQL takes it: its `jsonb` has no zero character, so each becomes U+FFFD.
pub(super) fn payload(event: &Event) -> Result<Option<Cow<'_, str>>, serde_json::Error> {
    let Data::Json(text) = event.data() else { return Ok(None) };
    if !text.contains("\\u0000") {
        return Ok(Some(Cow::Borrowed(text)));
    }
    let mut value: Value = serde_json::from_str(text)?;
    replace_zeros(&mut value);
    Ok(Some(Cow::Owned(value.to_string())))
}

fn replace_zeros(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_zeros),
        Value::Object(members) => {
            let old = std::mem::take(members);
            members.extend(old.into_iter().map(|(name, mut value)| {
                replace_zeros(&mut value);
                (name.replace('\0', "\u{fffd}"), value)
            }));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ty: &str, subject: &str, data: &Value) -> Event {
        let stream = "wf-1".parse().unwrap();
        Event::builder("/a", ty).stream(&stream).subject(subject).data(data).build().unwrap()
    }

    #[test]
    fn events_of_the_run_itself_and_of_its_parts_are_told_apart() {
        let of = |ty: &str, subject: &str, data: Value| {
            let update = Update::of(&event(ty, subject, &data))?;
            Some((update.kind, update.part, update.root, update.state, update.outcome))
        };
        let none = serde_json::json!({});
        let task = |part: &str, state, outcome| Some(("task", part.to_owned(), false, Some(state), outcome));
        assert_eq!(
            of("workflow.started.v1", "wf-1", none.clone()),
            Some(("workflow", "wf-1".to_owned(), true, Some("running"), None))
        );
        assert_eq!(
            of("workflow.suspended.v1", "wf-1", none.clone()),
            Some(("workflow", "wf-1".to_owned(), true, Some("suspended"), None))
        );
        assert_eq!(
            of("workflow.cancellation.requested", "wf-1", none.clone()),
            Some(("workflow", "wf-1".to_owned(), true, None, None))
        );
        assert_eq!(of("task.created.v1", "wf-1/task/t-7", none.clone()), task("t-7", "open", None));
        let named = serde_json::json!({ "task_id": "t-8" });
        assert_eq!(of("task.completed.v1", "wf-1", named), task("t-8", "completed", Some("completed")));
        let child = of("workflow.failed.v1", "wf-1/child", none.clone()).unwrap();
        assert_eq!((child.2, child.4), (false, Some("failed")));
        assert_eq!(of("somebody.elses.v1", "wf-1", none), None);
    }

    #[test]
    fn what_jsonb_cannot_hold_is_replaced() {
        let plain = event("x.y.v1", "wf-1", &serde_json::json!({ "a": 1 }));
        assert_eq!(payload(&plain).unwrap().unwrap(), "{\"a\":1}");
        let zeros =
            event("x.y.v1", "wf-1", &serde_json::json!({ "a\0": ["b\0c", { "d": "\0" }], "e": "\\u0000" }));
        let text = payload(&zeros).unwrap().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({ "a\u{fffd}": ["b\u{fffd}c", { "d": "\u{fffd}" }], "e": "\\u0000" })
        );
    }
}
