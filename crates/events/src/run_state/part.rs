//! What a run is made of, and which events tell of the same.

use serde::Deserialize;

use super::Violation;
use crate::{Event, catalogue::Kind};

/// A part of a run: known by the id in its payload, else by its subject.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) kind: Kind,
    subject: String,
    id: Option<String>,
}

impl Part {
    pub(super) fn of(kind: Kind, event: &Event) -> Self {
        let subject = event.subject().unwrap_or_else(|| event.stream()).to_owned();
        let id = event.data_as::<Ids>().ok().and_then(|ids| ids.of(kind));
        Self { kind, subject, id }
    }

    /// Whether both are the same part: by id where both name one, else by subject.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match (&self.id, &other.id) {
                (Some(one), Some(other)) => one == other,
                _ => self.subject == other.subject,
            }
    }

    pub(super) fn shown(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.subject)
    }

    pub(super) fn left_open(&self) -> Violation {
        Violation::LeftOpen { kind: self.kind, part: self.shown().to_owned() }
    }

    pub(super) fn opened_twice(&self, ty: &str) -> Violation {
        Violation::OpenedTwice { ty: ty.to_owned(), kind: self.kind, part: self.shown().to_owned() }
    }

    pub(super) fn not_open(&self, ty: &str) -> Violation {
        Violation::NotOpen { ty: ty.to_owned(), kind: self.kind, part: self.shown().to_owned() }
    }
}

/// The ids that payloads give their parts.
#[derive(Deserialize)]
struct Ids {
    task_id: Option<String>,
    step_id: Option<String>,
    child_id: Option<String>,
    timer_id: Option<String>,
    promise_id: Option<String>,
    request_id: Option<String>,
    stream_id: Option<String>,
    tool_call_id: Option<String>,
    interrupt_id: Option<String>,
    approval_id: Option<String>,
}

impl Ids {
    fn of(self, kind: Kind) -> Option<String> {
        match kind {
            Kind::Task => self.task_id,
            Kind::Step => self.step_id,
            Kind::Child => self.child_id,
            Kind::Timer => self.timer_id,
            Kind::Promise => self.promise_id,
            Kind::A2a => self.request_id,
            Kind::Llm => self.stream_id,
            Kind::Tool => self.tool_call_id,
            Kind::Interrupt => self.interrupt_id,
            Kind::Approval => self.approval_id,
            Kind::Workflow | Kind::Generation | Kind::Audit | Kind::Testing | Kind::Deployment => None,
        }
    }
}
