//! Other dialects: their names for our types, by one table, their envelopes on the way in, and one on the way out.
//!
//! The names stand in the catalogue, entry by entry. No name is made by a rule: `CHILD_WORKFLOW_INITIATED` has no
//! regular form.

mod accept;
mod agent_bus;
mod payload;
mod shapes;

use std::{collections::HashMap, sync::LazyLock};

pub use accept::{accept, normalise};
pub use agent_bus::{agent_bus, agent_bus_name};

pub use crate::catalogue::Dialect;
use crate::catalogue::{self, Entry};

/// Names in lower case, by dialect.
static NAMES: LazyLock<HashMap<(Dialect, String), &'static Entry>> = LazyLock::new(|| {
    catalogue::all()
        .flat_map(|entry| entry.aliases.iter().map(move |alias| (alias, entry)))
        .map(|(alias, entry)| ((alias.dialect, alias.name.to_ascii_lowercase()), entry))
        .collect()
});

/// What a name means in one dialect. Case does not matter.
#[must_use]
pub fn canonical_in(dialect: Dialect, name: &str) -> Option<&'static Entry> {
    NAMES.get(&(dialect, name.trim().to_ascii_lowercase())).copied()
}

/// What a name means, whoever's it is: ours first, then the dialects in the order of [`Dialect::ALL`]. A version at
/// its end is left aside.
#[must_use]
pub fn canonical(name: &str) -> Option<&'static Entry> {
    let lower = name.trim().to_ascii_lowercase();
    let (unversioned, _) = catalogue::split_version(&lower);
    catalogue::lookup_name(unversioned).or_else(|| {
        Dialect::ALL.iter().find_map(|dialect| NAMES.get(&(*dialect, unversioned.to_owned())).copied())
    })
}

/// The name of one of our types in a dialect, whatever its version.
#[must_use]
pub fn name_in(dialect: Dialect, ty: &str) -> Option<&'static str> {
    catalogue::lookup_name(ty)?.name_in(dialect)
}
