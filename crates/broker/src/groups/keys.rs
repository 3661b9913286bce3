//! Where a group's state stands in the store.

use headwater_events::{GroupName, Lane, Tenant};

use crate::api::groups::{Group, WorkerName};

/// Under this stand all groups of a scope.
pub(super) fn scope(tenant: Option<&Tenant>) -> String {
    format!("g/{}/", tenant.map_or("*", Tenant::as_str))
}

/// Under this stands everything of a group.
pub(super) fn group(group: &Group) -> String {
    format!("{}{}/", scope(group.tenant.as_ref()), group.name)
}

/// The configuration, and where the group begins.
pub(super) fn config(of: &Group) -> String {
    format!("{}c", group(of))
}

/// A lane's marks and lease.
pub(super) fn lane(of: &Group, lane: Lane) -> String {
    format!("{}l/{:05}", group(of), lane.0)
}

/// A worker.
pub(super) fn worker(of: &Group, worker: &WorkerName) -> String {
    format!("{}w/{worker}", group(of))
}

/// Says that a group has had dead letters in a tenant, and up to where they are done with.
pub(super) fn letters_of(of: &Group, tenant: &Tenant) -> String {
    format!("{}t/{tenant}", group(of))
}

/// What a key under a group is for.
pub(super) enum Part {
    Letters(Tenant),
    Config,
    Lane(Lane),
    Worker(WorkerName),
}

/// What stands behind a group's prefix.
pub(super) fn part(rest: &str) -> Option<Part> {
    match rest.split_once('/') {
        None if rest == "c" => Some(Part::Config),
        Some(("l", number)) => Some(Part::Lane(Lane(number.parse().ok()?))),
        Some(("w", name)) => Some(Part::Worker(GroupName::new(name.to_owned()).ok()?)),
        Some(("t", name)) => Some(Part::Letters(Tenant::new(name.to_owned()).ok()?)),
        _ => None,
    }
}
