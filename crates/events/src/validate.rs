//! Whether an event's payload is what its type promises, at publish and at consume.
//!
//! The schema is the contract and the payload struct is the fast way to check it: both are generated from the same
//! source, a test holds them together, and where they differ the stricter one decides.

use std::{collections::HashMap, sync::LazyLock, sync::OnceLock};

use jsonschema::Validator;
use serde_json::Value;

use crate::{
    Code, Data, Event, EventError,
    catalogue::{self, Entry},
    dialect,
};

/// What happens to types outside the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// They pass, unvalidated.
    #[default]
    Lenient,
    /// They are refused.
    Strict,
}

/// Checks the payload of a type of the catalogue; other types pass.
///
/// Only exact types with their version are checked: what merely sounds like one (`progress`, `workflow.started`) may be
/// somebody else's. An event without a payload counts as one with an empty object, and one with a `dataref` is not
/// looked into.
///
/// # Errors
/// [`Code::InvalidData`] with the path of the member, such as `data/percentage`.
pub fn data(event: &Event) -> Result<(), EventError> {
    catalogue::lookup(event.ty()).map_or(Ok(()), |entry| of_entry(entry, event))
}

/// Checks type and payload under a policy.
///
/// # Errors
/// [`Code::UnknownType`] for a type outside the catalogue under [`Policy::Strict`], else as [`data`].
pub fn event(event: &Event, policy: Policy) -> Result<(), EventError> {
    match (catalogue::lookup(event.ty()), policy) {
        (Some(entry), _) => of_entry(entry, event),
        (None, Policy::Lenient) => Ok(()),
        (None, Policy::Strict) => {
            let meant = dialect::canonical(event.ty()).map(|entry| format!("; did you mean `{}`?", entry.ty));
            let why = format!("is not in the catalogue{}", meant.unwrap_or_default());
            Err(EventError::attribute(Code::UnknownType, "type", why))
        }
    }
}

fn of_entry(entry: &'static Entry, event: &Event) -> Result<(), EventError> {
    match event.data() {
        Data::None if event.dataref().is_some() => Ok(()),
        Data::None => json(entry, "{}"),
        Data::Json(text) => json(entry, text),
        Data::Binary(_) => {
            Err(EventError::attribute(Code::InvalidData, "data", format!("must be JSON for `{}`", entry.ty)))
        }
    }
}

/// Checks a payload, given as JSON text, against a type.
///
/// # Errors
/// As [`data`].
pub fn json(entry: &'static Entry, text: &str) -> Result<(), EventError> {
    let read = if text.starts_with('{') { (entry.check)(text) } else { Err("must be an object".to_owned()) };
    // A struct also reads from an array, member by member, and only the schema refuses that. The outer one begins
    // with a brace; an inner one needs a bracket somewhere.
    match read {
        Ok(()) if !text.contains('[') => Ok(()),
        Ok(()) => by_schema(entry, text),
        Err(why) => {
            by_schema(entry, text).and(Err(EventError::attribute(Code::InvalidData, "data", short(&why))))
        }
    }
}

/// The schema's own opinion, which knows the path.
fn by_schema(entry: &'static Entry, text: &str) -> Result<(), EventError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|e| EventError::attribute(Code::InvalidData, "data", short(&e.to_string())))?;
    let Some(validator) = validator(entry) else {
        return Err(EventError::attribute(Code::InvalidData, "data", "has no usable schema"));
    };
    validator.validate(&value).map_err(|e| {
        let path = format!("data{}", e.instance_path());
        EventError::attribute(Code::InvalidData, path, short(&e.to_string()))
    })
}

/// The validator of a type, compiled once.
fn validator(entry: &'static Entry) -> Option<&'static Validator> {
    static VALIDATORS: LazyLock<HashMap<&'static str, OnceLock<Option<Validator>>>> =
        LazyLock::new(|| catalogue::all().map(|entry| (entry.ty, OnceLock::new())).collect());
    VALIDATORS.get(entry.ty)?.get_or_init(|| jsonschema::draft202012::new(&entry.schema()).ok()).as_ref()
}

/// A message that does not repeat a large payload.
fn short(why: &str) -> String {
    match why.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &why[..at]),
        None => why.to_owned(),
    }
}
