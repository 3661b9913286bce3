//! The rules of a run, as a pure checker over its events: a start, then anything, then exactly one terminal; every
//! part that opens closes; a tool result answers a tool call.
//!
//! What breaks a rule is a value, not an error: strict publishing refuses it, screens and tests show it.
//!
//! ```
//! use headwater_events::{Event, run_state::RunState};
//! let event = |ty: &str, subject: &str| Event::builder("/a", ty).subject(subject).build().unwrap();
//! let mut run = RunState::new();
//! assert!(run.apply(&event("workflow.started.v1", "wf-1")).is_empty());
//! assert!(run.apply(&event("tool.call.v1", "wf-1/tool/c-1")).is_empty());
//! let wrong = run.apply(&event("tool.result.v1", "wf-1/tool/c-2"));
//! assert_eq!(wrong[0].to_string(), "`tool.result.v1` tells of the tool `wf-1/tool/c-2`, which is not open");
//! ```

mod part;
mod violation;

use part::Part;
pub use violation::Violation;

use crate::{
    Class, Event,
    catalogue::{self, Kind, Role},
};

/// How many parts of a run may be open at once: what is beyond is a violation and is not followed.
pub const MAX_OPEN: usize = 10_000;

/// Where the run itself is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Root {
    /// Nothing has opened it.
    #[default]
    New,
    /// Created, not begun.
    Created,
    /// It runs.
    Running,
    /// It has ended.
    Ended,
    /// There is none: a piece of a run is looked at.
    Absent,
}

/// The state of one run: fold its events into it in their order.
#[derive(Debug, Clone, Default)]
pub struct RunState {
    root: Root,
    open: Vec<Part>,
}

impl RunState {
    /// A run before its first event.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A piece of a run, such as one model answer with its tool calls: its parts are checked, the run is not.
    #[must_use]
    pub fn fragment() -> Self {
        Self { root: Root::Absent, open: Vec::new() }
    }

    /// Where the run itself is.
    #[must_use]
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The parts that are open: kind, and subject or id.
    pub fn open(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.open.iter().map(|part| (part.kind, part.shown()))
    }

    /// What is wrong with `event` as the next one, without taking it.
    #[must_use]
    pub fn check(&self, event: &Event) -> Vec<Violation> {
        self.clone().apply(event)
    }

    /// Takes `event` as the next one and says what is wrong with it. The state goes on as well as it can.
    pub fn apply(&mut self, event: &Event) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let role = catalogue::lookup_name(event.ty()).map_or(Role::Note, |entry| entry.role);
        let root = role.kind().is_some_and(Kind::is_root) && is_root(event) && self.root != Root::Absent;
        if root {
            self.apply_root(role, event, &mut wrong);
        } else {
            self.apply_part(role, event, &mut wrong);
        }
        wrong
    }

    /// Ends the run as it stands: what is still open, and the run itself where it has not ended.
    #[must_use]
    pub fn finish(&self) -> Vec<Violation> {
        let unended =
            matches!(self.root, Root::New | Root::Created | Root::Running).then_some(Violation::NotEnded);
        unended.into_iter().chain(self.open.iter().map(Part::left_open)).collect()
    }

    fn apply_root(&mut self, role: Role, event: &Event, wrong: &mut Vec<Violation>) {
        let ty = || event.ty().to_owned();
        let starts = catalogue::split_version(event.ty()).0 == "workflow.started";
        self.root = match (self.root, role) {
            (Root::New, Role::Opens(_)) => Root::Created,
            (Root::New | Root::Created, Role::Continues(_)) if starts => Root::Running,
            // A run goes on after its end, by a new start or where it left off.
            (Root::Ended, Role::Continues(_)) => Root::Running,
            (Root::Running, Role::Continues(_)) if !starts => Root::Running,
            (Root::Created | Root::Running, Role::Opens(_)) | (Root::Running, Role::Continues(_)) => {
                wrong.push(Violation::StartedTwice { ty: ty() });
                self.root
            }
            (Root::Created | Root::Running, role) if role.ends() => {
                // A failure or a cancellation takes the open parts with it; a completion must have closed them.
                if matches!(role, Role::Completes(_)) {
                    wrong.extend(self.open.iter().map(Part::left_open));
                }
                self.open.clear();
                Root::Ended
            }
            (Root::Ended, role) if role.ends() => {
                wrong.push(Violation::EndedTwice { ty: ty() });
                Root::Ended
            }
            (Root::Ended, _) => {
                wrong.push(Violation::AfterEnd { ty: ty() });
                Root::Ended
            }
            (Root::New, role) => {
                wrong.push(Violation::BeforeStart { ty: ty() });
                if role.ends() { Root::Ended } else { Root::Running }
            }
            (state, _) => state,
        };
    }

    fn apply_part(&mut self, role: Role, event: &Event, wrong: &mut Vec<Violation>) {
        // The runtime may speak at any time.
        let runtime = event.class() == Class::Internal || catalogue::split_version(event.ty()).0 == "dropped";
        match self.root {
            Root::New if !runtime => wrong.push(Violation::BeforeStart { ty: event.ty().to_owned() }),
            Root::Ended if !runtime => wrong.push(Violation::AfterEnd { ty: event.ty().to_owned() }),
            _ => {}
        }
        let Some(kind) = role.kind() else { return };
        let part = Part::of(kind, event);
        let at = self.open.iter().position(|open| open.is(&part));
        match (role, at) {
            (Role::Opens(_) | Role::Continues(_), None) if self.open.len() >= MAX_OPEN => {
                wrong.push(Violation::TooManyOpen);
            }
            (Role::Opens(_) | Role::Continues(_), None) => self.open.push(part),
            (Role::Opens(_), Some(_)) => wrong.push(part.opened_twice(event.ty())),
            (role, Some(at)) if role.ends() => {
                self.open.swap_remove(at);
            }
            (_, None) => wrong.push(part.not_open(event.ty())),
            (_, Some(_)) => {}
        }
    }
}

/// Everything that is wrong with a run's events in their order, each with the index of its event. That the run has
/// not ended is not wrong: see [`RunState::finish`].
pub fn check<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<(usize, Violation)> {
    let mut run = RunState::new();
    let indexed = events.into_iter().enumerate();
    indexed.flat_map(|(i, event)| run.apply(event).into_iter().map(move |wrong| (i, wrong))).collect()
}

/// Whether the event tells of the run itself.
fn is_root(event: &Event) -> bool {
    event.subject().is_none_or(|subject| subject == event.stream())
}
