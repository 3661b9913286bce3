//! The structured JSON form, written by hand: attributes in a fixed order, payload last.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use bytestring::ByteString;

use super::{Data, Inner, attribute};
use crate::{Code, EventError};

pub(crate) fn json(event: &Inner) -> Bytes {
    let payload = match &event.data {
        Data::None => 0,
        Data::Json(text) => text.len(),
        Data::Binary(bytes) => bytes.len() * 4 / 3 + 4,
    };
    let mut out = Vec::with_capacity(320 + payload);
    out.extend_from_slice(br#"{"specversion":"1.0","id":"#);
    string(&mut out, &event.id);
    member(&mut out, "source", Some(&event.source));
    member(&mut out, "type", Some(&event.ty));
    member(&mut out, "subject", event.subject.as_deref());
    member(&mut out, "time", event.time.as_deref());
    member(&mut out, "datacontenttype", event.datacontenttype.as_deref());
    member(&mut out, "dataschema", event.dataschema.as_deref());
    member(&mut out, "dataref", event.dataref.as_deref());
    member(&mut out, "tenant", event.tenant.as_deref());
    member(&mut out, "stream", event.stream.as_deref());
    if let Some(sequence) = event.sequence {
        raw(&mut out, "sequence", format!("\"{sequence}\"").as_bytes());
    }
    member(&mut out, "traceparent", event.traceparent.as_deref());
    member(&mut out, "tracestate", event.tracestate.as_deref());
    member(&mut out, "correlationid", event.correlationid.as_deref());
    member(&mut out, "causationid", event.causationid.as_deref());
    for (name, value) in &event.extensions {
        raw(&mut out, name, value.as_bytes());
    }
    match &event.data {
        Data::None => {}
        Data::Json(text) => raw(&mut out, "data", text.as_bytes()),
        Data::Binary(bytes) => {
            raw(&mut out, "data_base64", format!("\"{}\"", STANDARD.encode(bytes)).as_bytes());
        }
    }
    out.push(b'}');
    Bytes::from(out)
}

/// A string extension in its normal form; an empty one is allowed.
pub(crate) fn extension(name: &str, value: &str) -> Result<ByteString, EventError> {
    if !value.is_empty() {
        attribute::text(name, value, attribute::MAX_TEXT)?;
    }
    let mut out = Vec::with_capacity(value.len() + 2);
    string(&mut out, value);
    ByteString::try_from(out).map_err(|_| EventError::attribute(Code::InvalidAttribute, name, "is not UTF-8"))
}

fn member(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        key(out, name);
        string(out, value);
    }
}

fn raw(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    key(out, name);
    out.extend_from_slice(value);
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// A JSON string. Attribute values have no control characters, so only quotes and backslashes are escaped.
pub(crate) fn string(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let mut rest = value;
    while let Some(at) = rest.find(['"', '\\']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        out.push(b'\\');
        out.push(rest.as_bytes()[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}
