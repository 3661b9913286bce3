//! Every event type Headwater knows, as data in one place.

use crate::{Class, Mark};

/// The class of a type: durable for types outside the catalogue.
#[must_use]
pub fn class_of(ty: &str) -> Class {
    if ty.starts_with("llm.delta") {
        Class::Transient
    } else {
        Class::Durable
    }
}

/// What a root event of this type does to its run.
#[must_use]
pub fn mark_of(ty: &str) -> Mark {
    match ty {
        "workflow.started.v1" => Mark::Opens,
        "workflow.completed.v1" => Mark::Completed,
        _ => Mark::None,
    }
}
