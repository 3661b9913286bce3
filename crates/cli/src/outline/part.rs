//! One part of a run: what it is called, where it stands, what came of it.

use headwater::{
    Data, Event,
    catalogue::{Entry, Kind, Role},
};
use jiff::Timestamp;
use serde_json::Value;

use crate::{output::printable, pretty::short};

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It goes on.
    Open,
    /// It completed.
    Done,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl State {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A part of a run.
#[derive(Debug)]
pub(crate) struct Part {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its subject.
    pub(crate) subject: String,
    /// Where it stands.
    pub(crate) state: State,
    /// What it is called.
    pub(crate) name: String,
    /// What it is about, or what came of it.
    pub(crate) note: String,
    /// How far it is, from 0 to 100.
    pub(crate) percentage: Option<f64>,
    /// How many events told of it.
    pub(crate) events: usize,
    opened: Option<Timestamp>,
    closed: Option<Timestamp>,
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
}

impl Part {
    pub(super) fn new(kind: Kind, subject: &str, parent: Option<usize>, event: &Event) -> Self {
        let last = subject.rsplit('/').next().unwrap_or(subject);
        let name = match kind {
            Kind::Workflow => last.to_owned(),
            Kind::Generation | Kind::Audit | Kind::Testing | Kind::Deployment => kind.as_str().to_owned(),
            _ => format!("{} {last}", kind.as_str()),
        };
        Self {
            kind,
            subject: subject.to_owned(),
            state: State::Open,
            name: printable(&name),
            note: String::new(),
            percentage: None,
            events: 0,
            opened: event.time(),
            closed: None,
            parent,
            children: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, event: &Event, entry: &Entry) {
        self.events += 1;
        self.state = match entry.role {
            Role::Opens(_) | Role::Continues(_) => State::Open,
            Role::Completes(_) => State::Done,
            Role::Fails(_) => State::Failed,
            Role::Cancels(_) => State::Cancelled,
            Role::Within(_) | Role::Note => self.state,
        };
        self.closed = if self.state == State::Open { None } else { self.closed.or(event.time()) };
        // Deltas come by the hundred and tell nothing beyond their text.
        if entry.delta.is_some() {
            return;
        }
        let Data::Json(json) = event.data() else { return };
        if let Ok(data) = serde_json::from_str::<Value>(json) {
            self.learn(&data, entry);
        }
    }

    /// How long it took, or has taken until `now`.
    pub(crate) fn length(&self, now: Option<Timestamp>) -> Option<std::time::Duration> {
        let until = self.closed.or(now)?;
        Some(until.duration_since(self.opened?).max(jiff::SignedDuration::ZERO).unsigned_abs())
    }

    /// When it began.
    pub(crate) fn opened(&self) -> Option<Timestamp> {
        self.opened
    }

    /// The kind, what it is done with, and the name it has in its run.
    fn call_it(&mut self, with: Option<String>) {
        let Some(with) = with else { return };
        let here = self.subject.rsplit('/').next().unwrap_or_default();
        let here = if here == with { String::new() } else { format!(" · {}", short(&printable(here), 24)) };
        self.name = format!("{} {with}{here}", self.kind.as_str());
    }

    fn learn(&mut self, data: &Value, entry: &Entry) {
        let text = |member: &str| {
            data.get(member).and_then(Value::as_str).map(|text| printable(text).replace('\n', " "))
        };
        match self.kind {
            Kind::Workflow | Kind::Task | Kind::Step => {
                self.name = text("name").unwrap_or_else(|| self.name.clone());
            }
            Kind::Tool => self.call_it(text("name")),
            Kind::Llm => self.call_it(text("model")),
            Kind::A2a if entry.role.opens() => {
                if let (Some(from), Some(to)) = (text("from"), text("to")) {
                    self.name = format!("a2a {from} → {to}");
                }
                self.note = text("method").unwrap_or_default();
            }
            _ => {}
        }
        if let Some(percentage) = data.get("percentage").and_then(Value::as_f64) {
            self.percentage = Some(percentage);
        }
        let note = match entry.role {
            Role::Fails(_) => data.get("error").map(failure),
            Role::Within(_) => text("message"),
            Role::Completes(_) if self.kind == Kind::Llm => {
                data.pointer("/usage/output_tokens").and_then(Value::as_u64).map(|n| format!("{n} tokens"))
            }
            Role::Completes(_) => {
                ["result", "output", "payload"].iter().find_map(|member| data.get(member)).map(brief)
            }
            Role::Opens(_) if self.kind == Kind::Tool => data.get("arguments").map(brief),
            _ => None,
        };
        if let Some(note) = note.filter(|note| !note.is_empty()) {
            self.note = short(&note, 60);
        }
    }
}

/// A value in a few words: the members of an object, a text as it is.
fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text).replace('\n', " "),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name} {}", brief(value)));
            printable(&members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) if items.len() > 1 => format!("{} items", items.len()),
        Value::Array(items) => items.first().map_or_else(|| "none".to_owned(), brief),
        other => other.to_string(),
    }
}

fn failure(error: &Value) -> String {
    brief(error.get("message").unwrap_or(error))
}
