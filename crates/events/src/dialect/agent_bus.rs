//! The envelope of an agent bus on the way out: `{id, type, workflow_id, timestamp, data, source_agent, metadata}`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::{Dialect, name_in};
use crate::{Data, Event, catalogue};

#[derive(Serialize)]
struct Envelope<'a> {
    id: &'a str,
    r#type: &'a str,
    workflow_id: &'a str,
    timestamp: Option<&'a str>,
    data: Box<RawValue>,
    source_agent: &'a str,
    /// What the envelope has no member for.
    metadata: Map<String, Value>,
}

/// The name of an event's type on an agent bus: without its version, as in `workflow.started`.
#[must_use]
pub fn agent_bus_name(event: &Event) -> &str {
    name_in(Dialect::Dotted, event.ty()).unwrap_or_else(|| catalogue::split_version(event.ty()).0)
}

/// The JSON of an event as an agent bus writes it. [`accept`](super::accept()) reads it back.
///
/// # Errors
/// The event's data is not JSON although it says so: events that were checked have none such.
pub fn agent_bus(event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    let data = match event.data() {
        Data::None => "{}".to_owned(),
        Data::Json(text) => text.to_string(),
        Data::Binary(bytes) => Value::String(STANDARD.encode(bytes)).to_string(),
    };
    let mut metadata = Map::new();
    let attributes = [
        ("tenant", event.tenant()),
        ("subject", event.subject()),
        ("correlationid", event.correlationid()),
        ("causationid", event.causationid()),
        ("traceparent", event.traceparent()),
        ("tracestate", event.tracestate()),
        ("dataref", event.dataref()),
    ];
    for (name, value) in attributes.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        metadata.insert(name.to_owned(), value.into());
    }
    if let Some(sequence) = event.sequence() {
        metadata.insert("sequence".to_owned(), sequence.into());
    }
    serde_json::to_vec(&Envelope {
        id: event.id(),
        r#type: agent_bus_name(event),
        workflow_id: event.stream(),
        timestamp: event.time_text(),
        data: RawValue::from_string(data)?,
        source_agent: event.source().strip_prefix("/agents/").unwrap_or(event.source()),
        metadata,
    })
}
