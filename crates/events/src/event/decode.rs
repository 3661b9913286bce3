//! The structured JSON form from outside, read without copying: attributes and payload are slices of the input.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use super::{Data, Inner, attribute, encode, json};
use crate::{Code, EventError, StreamName, Tenant};

/// An event from outside: everything is checked and brought to its normal form.
pub(crate) fn foreign(bytes: Bytes) -> Result<Inner, EventError> {
    let text = json::utf8(bytes)?;
    let json::Members(members) = serde_json::from_str(&text).map_err(|e| {
        EventError::new(Code::MalformedJson, format!("is not a CloudEvent as a JSON object: {e}"))
    })?;
    from_members(&text, &members)
}

/// An event from the members of a JSON object inside of `text`.
pub(crate) fn from_members(
    text: &ByteString,
    members: &[(Cow<'_, str>, &RawValue)],
) -> Result<Inner, EventError> {
    let mut event = Inner::default();
    let mut specversion = false;
    for (i, (name, value)) in members.iter().enumerate() {
        if members[..i].iter().any(|(earlier, _)| earlier == name) {
            return Err(EventError::attribute(Code::InvalidAttribute, shown(name), "stands twice"));
        }
        if value.get() == "null" {
            continue;
        }
        match &**name {
            "specversion" => {
                attribute::specversion(&json::string(text, name, value)?)?;
                specversion = true;
            }
            "data" | "data_base64" if !matches!(event.data, Data::None) => {
                return Err(EventError::attribute(
                    Code::InvalidAttribute,
                    "data_base64",
                    "cannot stand beside `data`",
                ));
            }
            "data" => event.data = json::payload(text, value.get()),
            "data_base64" => event.data = Data::Binary(base64(&json::string(text, name, value)?)?),
            "sequence" => event.sequence = Some(attribute::sequence(value.get().trim_matches('"'))?),
            known if let Some(slot) = event.slot(known) => slot.put(json::string(text, known, value)?),
            _ => {
                attribute::extension_name(name)?;
                let value = extension(text, name, value)?;
                event.extensions.push((json::name(text, name), value));
            }
        }
    }
    if !specversion {
        return Err(EventError::attribute(Code::MissingAttribute, "specversion", "is required"));
    }
    finish(&mut event)?;
    Ok(event)
}

/// Brings an event whose attributes came from outside to its normal form and checks it.
pub(crate) fn finish(event: &mut Inner) -> Result<(), EventError> {
    if let Some(time) = event.time.take() {
        event.time = Some(attribute::time(time)?);
    }
    event.extensions.sort_unstable();
    check(event)
}

/// The checks that need no JSON: what every event obeys, whichever way it came in.
pub(crate) fn check(event: &Inner) -> Result<(), EventError> {
    for (name, value, max) in [
        ("id", &event.id, attribute::MAX_NAME),
        ("source", &event.source, attribute::MAX_TEXT),
        ("type", &event.ty, attribute::MAX_NAME),
    ] {
        if value.is_empty() {
            return Err(EventError::attribute(Code::MissingAttribute, name, "is required"));
        }
        attribute::text(name, value, max)?;
    }
    for (name, value) in [
        ("subject", &event.subject),
        ("datacontenttype", &event.datacontenttype),
        ("dataschema", &event.dataschema),
        ("dataref", &event.dataref),
        ("traceparent", &event.traceparent),
        ("tracestate", &event.tracestate),
        ("correlationid", &event.correlationid),
        ("causationid", &event.causationid),
    ] {
        if let Some(value) = value {
            attribute::text(name, value, attribute::MAX_TEXT)?;
        }
    }
    if let Some(tenant) = &event.tenant {
        Tenant::check(tenant)
            .map_err(|e| EventError::attribute(Code::InvalidTenant, "tenant", e.to_string()))?;
    }
    if let Some(stream) = &event.stream {
        StreamName::check(stream)
            .map_err(|e| EventError::attribute(Code::InvalidStream, "stream", e.to_string()))?;
    }
    if event.extensions.len() > attribute::MAX_EXTENSIONS {
        return Err(EventError::new(Code::InvalidAttribute, "has more than 64 extensions"));
    }
    match &event.data {
        Data::Json(text) => json::depth(text),
        Data::None | Data::Binary(_) => Ok(()),
    }
}

/// An extension's value in its normal form: a string without control characters, a 32-bit integer or a boolean.
fn extension(text: &ByteString, name: &str, value: &RawValue) -> Result<ByteString, EventError> {
    match value.get().as_bytes().first() {
        Some(b'"') => encode::extension(name, &json::string(text, name, value)?),
        Some(b't' | b'f') => Ok(text.slice_ref(value.get())),
        _ if value.get().parse::<i32>().is_ok() => Ok(text.slice_ref(value.get())),
        _ => Err(EventError::attribute(
            Code::InvalidAttribute,
            name,
            "extension values are strings, 32-bit integers or booleans",
        )),
    }
}

pub(crate) fn base64(text: &str) -> Result<Bytes, EventError> {
    STANDARD.decode(text).map(Bytes::from).map_err(|_| {
        EventError::attribute(Code::InvalidAttribute, "data_base64", "must be base64 (RFC 4648)")
    })
}

/// A name as it may be shown in an error.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
