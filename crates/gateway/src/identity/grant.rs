//! What somebody may do, as it is written in a key file, in a token and in a ticket, and as it is asked.

use std::{fmt, str::FromStr};

use headwater_events::{Event, Filter, StreamName, Tenant};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::names::Names;

/// One thing that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Publish events.
    Publish,
    /// Read events: pages, streams, sockets; see runs; ask for tickets.
    Subscribe,
    /// Work in consumer groups: fetch, settle, extend, leave; see groups and their dead letters.
    Consume,
    /// Create and delete groups, replay and discard dead letters, delete streams; over all tenants, read metrics.
    Admin,
}

impl Right {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Publish, Self::Subscribe, Self::Consume, Self::Admin];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Consume => "consume",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Right {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|right| right.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is none of publish, subscribe, consume, admin"))
    }
}

/// What a key allows. Tenants and streams are names, or prefixes that end in `*`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// In which tenants: one at least.
    pub tenants: Vec<String>,
    /// What: one at least.
    pub scopes: Vec<Right>,
    /// In which streams; an empty list is every one. Where it is written, a list has something in it.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    pub streams: Vec<String>,
    /// Events of which types may be published, as a filter's `types`; an empty list is every one.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    pub publish_types: Vec<String>,
    /// Events of which types are seen; an empty list is every one.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    pub read_types: Vec<String>,
}

impl Grant {
    /// Says what is wrong with it, if anything.
    ///
    /// # Errors
    /// A sentence that names the pattern.
    pub fn check(&self) -> Result<(), String> {
        Rights::new(self).map(drop)
    }
}

/// The filter of a list of types. A blank pattern is an error: alone it would be a filter that passes everything.
fn types(list: &[String]) -> Result<Filter, String> {
    if list.iter().flat_map(|pattern| pattern.split(',')).any(|pattern| pattern.trim().is_empty()) {
        return Err("types: a pattern is blank".into());
    }
    Filter::types(&list.join(",")).map_err(|error| error.to_string())
}

/// Reads a list that limits. One that is there and empty is an error: whoever wrote it meant nothing, not everything.
pub(super) fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let list = Vec::<String>::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(D::Error::custom("an empty list allows nothing: leave it out to allow all"));
    }
    Ok(list)
}

/// A grant, ready to be asked.
#[derive(Debug)]
pub(crate) struct Rights {
    /// What it was made of.
    grant: Grant,
    scopes: Vec<Right>,
    tenants: Names,
    /// `None`: every stream.
    streams: Option<Names>,
    publish: Filter,
    read: Filter,
}

impl Rights {
    pub(crate) fn new(grant: &Grant) -> Result<Self, String> {
        if grant.tenants.is_empty() {
            return Err("names no tenant".into());
        }
        if grant.scopes.is_empty() {
            return Err("names no scope: publish, subscribe, consume, admin".into());
        }
        let streams = Names::new(&grant.streams, |name| StreamName::check(name).is_ok())
            .map_err(|error| format!("streams: {error}"))?;
        Ok(Self {
            grant: grant.clone(),
            scopes: grant.scopes.clone(),
            tenants: Names::new(&grant.tenants, |name| Tenant::check(name).is_ok())
                .map_err(|error| format!("tenants: {error}"))?,
            streams: (!grant.streams.is_empty()).then_some(streams),
            publish: types(&grant.publish_types)?,
            read: types(&grant.read_types)?,
        })
    }

    /// Everything.
    pub(crate) fn all() -> Self {
        Self {
            grant: Grant { tenants: vec!["*".to_owned()], scopes: Right::ALL.to_vec(), ..Grant::default() },
            scopes: Right::ALL.to_vec(),
            tenants: Names::new(&["*".to_owned()], |_| true).unwrap_or_default(),
            streams: None,
            publish: Filter::all(),
            read: Filter::all(),
        }
    }

    /// Whether they were made of the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.grant == other.grant
    }

    /// Whether nothing is allowed or seen by a ticket that is not by the key it was made with.
    pub(crate) fn cover(&self, ticket: &Self) -> bool {
        let all_of =
            |own: &Names, other: &Names| other.patterns().iter().all(|pattern| own.cover_all_of(pattern));
        let (own, other) = (&self.grant.read_types, &ticket.grant.read_types);
        ticket.scopes.iter().all(|right| self.allow(*right))
            && all_of(&self.tenants, &ticket.tenants)
            && self
                .streams
                .as_ref()
                .is_none_or(|own| ticket.streams.as_ref().is_some_and(|other| all_of(own, other)))
            && (own.is_empty() || !other.is_empty() && other.iter().all(|pattern| own.contains(pattern)))
    }

    pub(crate) fn allow(&self, right: Right) -> bool {
        self.scopes.contains(&right)
    }

    pub(crate) fn tenants(&self) -> &Names {
        &self.tenants
    }

    /// Which streams, where they are not all.
    pub(crate) fn streams(&self) -> Option<&Names> {
        self.streams.as_ref()
    }

    pub(crate) fn read_types(&self) -> &[String] {
        &self.grant.read_types
    }

    pub(crate) fn stream(&self, stream: &str) -> bool {
        self.streams.as_ref().is_none_or(|names| names.cover(stream))
    }

    pub(crate) fn publishes(&self, event: &Event) -> bool {
        self.publish.is_all() || self.publish.matches_parts(event.ty(), "", "")
    }

    /// Whether everything of a tenant is seen.
    pub(crate) fn sees_all(&self) -> bool {
        self.streams.is_none() && self.read.is_all()
    }

    pub(crate) fn sees(&self, event: &Event) -> bool {
        self.sees_all() || (self.stream(event.stream()) && self.read.matches_parts(event.ty(), "", ""))
    }
}
