//! Every event type Headwater knows, as data in one place.
//!
//! A family of types is one file here: each entry gives the name and version, the class, what the type does to the
//! entity it tells of, its names in other dialects, and the payload. Payload structs, JSON Schemas, classes, marks
//! and aliases all follow from it.
//!
//! # Roots
//! A run is a workflow: only the `workflow.*` types can open or end one, and only where the event's subject is the
//! stream itself. Tasks, steps, agent stages and model answers are parts of a run, whatever subject they carry, so
//! that a producer that puts the run's name into every subject does not end it with its first `task.completed`. What
//! runs alone, such as a single task, is a run of one part and is framed by `workflow.started` and its terminal.

mod agent;
mod child;
mod entry;
mod index;
mod interaction;
mod llm;
mod macros;
mod meta;
mod runtime;
mod scalar;
mod state;
mod step;
mod stream;
mod task;
mod timer;
mod tool;
mod workflow;

pub use agent::*;
pub use child::*;
pub use entry::{Alias, Dialect, Entry, EventType, Kind, Role};
pub use interaction::*;
pub use llm::*;
pub use meta::{Conversation, Execution, Failure, FailureDetail, Usage};
pub use runtime::*;
pub use scalar::{Count, Fraction, OutOfRange, Percentage};
pub use state::*;
pub use step::*;
pub use stream::*;
pub use task::*;
pub use timer::*;
pub use tool::*;
pub use workflow::*;

use crate::{Class, Mark};

/// The families, in the order in which they are listed.
static FAMILIES: &[&[Entry]] = &[
    workflow::ENTRIES,
    task::ENTRIES,
    step::ENTRIES,
    child::ENTRIES,
    timer::ENTRIES,
    agent::ENTRIES,
    llm::ENTRIES,
    tool::ENTRIES,
    interaction::ENTRIES,
    state::ENTRIES,
    stream::ENTRIES,
    runtime::ENTRIES,
];

/// Every entry, family by family.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().copied().flatten()
}

/// The entry of exactly this type and version, such as `workflow.started.v1`.
#[must_use]
pub fn lookup(ty: &str) -> Option<&'static Entry> {
    index::find(ty).filter(|entry| entry.ty == ty)
}

/// The entry of a type whatever its version, or none given: `workflow.started`, `workflow.started.v1`.
#[must_use]
pub fn lookup_name(ty: &str) -> Option<&'static Entry> {
    index::find(ty)
}

/// The class of a type, whatever its version: durable for types outside the catalogue.
#[must_use]
pub fn class_of(ty: &str) -> Class {
    index::find(ty).map_or(Class::Durable, |entry| entry.class)
}

/// What a root event of this type does to its run, whatever its version.
#[must_use]
pub fn mark_of(ty: &str) -> Mark {
    index::find(ty).map_or(Mark::None, Entry::mark)
}

/// The name of a type and its version: `workflow.started.v1` is `workflow.started` and 1.
#[must_use]
pub fn split_version(ty: &str) -> (&str, Option<u32>) {
    if let Some((name, last)) = ty.rsplit_once('.')
        && let Some(digits) = last.strip_prefix('v')
        && digits.bytes().all(|b| b.is_ascii_digit())
        && let Ok(version) = digits.parse()
    {
        return (name, Some(version));
    }
    (ty, None)
}
