//! Envelopes of other systems, recognised by their members and brought to ours.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{payload, shapes};
use crate::{Code, Event, EventError, Tenant, catalogue};

/// Reads an event in our envelope or in one of another system: a chat step's, a graph runtime's, an agent bus's, a
/// typed event model's or a stream publisher's. What is recognised as none of them is read as a CloudEvent.
///
/// A CloudEvent comes back as [`Event::from_json`] reads it, whatever its type; [`normalise`] brings its name to ours.
/// Other envelopes become CloudEvents with our type by the alias table (a name outside it stays as it is), their
/// payload's members under our names, and a subject where they name the run. Some name none: set `stream` with
/// [`Event::to_builder`] before publishing.
///
/// # Errors
/// As [`Event::from_json`], for the event that comes of it.
pub fn accept(bytes: impl Into<Bytes>) -> Result<Event, EventError> {
    let bytes = bytes.into();
    let Ok(Value::Object(members)) = serde_json::from_slice(&bytes) else {
        return Event::from_json(bytes);
    };
    if members.contains_key("specversion") {
        return Event::from_json(bytes);
    }
    match shapes::recognise(members) {
        Some(draft) => draft.build(),
        None => Event::from_json(bytes),
    }
}

/// An event whose type is another dialect's name, under our name and with its payload's members under ours. Types of
/// ours and unknown ones stay as they are.
#[must_use]
pub fn normalise(event: &Event) -> Event {
    if catalogue::lookup(event.ty()).is_some() {
        return event.clone();
    }
    let Some(entry) = super::canonical(event.ty()) else {
        return event.clone();
    };
    let mut inner = event.inner().without_json();
    inner.ty = entry.ty.into();
    if let Ok(Value::Object(mut data)) = event.data_as() {
        payload::rename(entry, &mut data);
        inner.data = crate::Data::Json(Value::Object(data).to_string().into());
    }
    Event::from_inner(inner)
}

/// An event of another system, taken apart.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Its type by the name it came with, or ours.
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) source: Option<String>,
    /// The run.
    pub(super) run: Option<String>,
    /// The entity inside the run, where the type does not tell of the run itself.
    pub(super) entity: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) time: Option<Value>,
    pub(super) correlation: Option<String>,
    pub(super) causation: Option<String>,
    pub(super) data: Map<String, Value>,
}

impl Draft {
    fn build(mut self) -> Result<Event, EventError> {
        let ty = match super::canonical(&self.name) {
            Some(entry) => {
                payload::rename(entry, &mut self.data);
                entry.ty
            }
            None => self.name.as_str(),
        };
        let mut builder =
            Event::builder(self.source.as_deref().map_or_else(|| "/unknown".to_owned(), path), ty);
        if let Some(id) = self.id {
            builder = builder.id(id);
        }
        if let Some(run) = self.run.as_deref().map(name) {
            let root = ty.starts_with("workflow.");
            builder = match self.entity.as_deref().filter(|_| !root) {
                Some(entity) => builder.subject(format!("{run}/{entity}")),
                None => builder.subject(run),
            };
        }
        if let Some(tenant) = self.tenant {
            let tenant = Tenant::new(tenant)
                .map_err(|e| EventError::attribute(Code::InvalidTenant, "tenant", e.to_string()))?;
            builder = builder.tenant(&tenant);
        }
        if let Some(time) = self.time {
            builder = builder.time(moment(&time).ok_or_else(|| {
                EventError::attribute(
                    Code::InvalidAttribute,
                    "time",
                    "must be a timestamp or a number of seconds",
                )
            })?);
        }
        if let Some(correlation) = self.correlation {
            builder = builder.correlationid(correlation);
        }
        if let Some(causation) = self.causation {
            builder = builder.causationid(causation);
        }
        builder.data(&Value::Object(self.data)).build()
    }
}

/// A source as a path.
fn path(source: &str) -> String {
    if source.contains('/') { source.to_owned() } else { format!("/agents/{source}") }
}

/// A run's name in our alphabet.
fn name(run: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '@' | '+');
    run.chars().map(|c| if fits(c) { c } else { '_' }).take(256).collect()
}

/// A moment in any of the forms in use: RFC 3339, the same without an offset (read as UTC), seconds or milliseconds
/// since 1970 as a number or as text.
fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| format!("{text}Z").parse().ok())
            .or_else(|| text.parse::<f64>().ok().and_then(seconds)),
        Value::Number(n) => seconds(n.as_f64()?),
        _ => None,
    }
}

fn seconds(n: f64) -> Option<Timestamp> {
    // Seconds stay below this until the year 5138, and milliseconds above it since 1973.
    let millis = if n.abs() < 1e11 { n * 1000.0 } else { n };
    Timestamp::from_millisecond(millis.round() as i64).ok()
}
