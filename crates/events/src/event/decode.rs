//! The structured JSON form, read without copying: attributes and payload are slices of the input.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use bytestring::ByteString;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Data, Inner, attribute, encode};
use crate::{Code, EventError, StreamName, Tenant};

/// An event from outside: everything is checked and brought to its normal form.
pub(super) fn foreign(json: Bytes) -> Result<Inner, EventError> {
    let text = utf8(json)?;
    let Members(members) = parse(&text)?;
    let mut event = Inner::default();
    let mut specversion = false;
    let mut time = None;
    for (i, (name, value)) in members.iter().enumerate() {
        if members[..i].iter().any(|(earlier, _)| earlier == name) {
            attribute::extension_name(name)?;
            return Err(EventError::attribute(
                Code::InvalidAttribute,
                &**name,
                "stands twice",
            ));
        }
        if value.get() == "null" {
            continue;
        }
        match &**name {
            "specversion" => {
                if string(&text, name, value)? != "1.0" {
                    return Err(EventError::attribute(
                        Code::UnsupportedSpecversion,
                        "specversion",
                        "must be `1.0`",
                    ));
                }
                specversion = true;
            }
            "time" => time = Some(attribute::time(&string(&text, name, value)?)?),
            "data" => event.data = Data::Json(one_line(&text, value.get())),
            "data_base64" => {
                let encoded = string(&text, name, value)?;
                let bytes = STANDARD.decode(encoded.as_bytes()).map_err(|_| {
                    EventError::attribute(Code::InvalidAttribute, "data_base64", "must be base64 (RFC 4648)")
                })?;
                event.data = Data::Binary(Bytes::from(bytes));
            }
            _ => set(&mut event, &text, name, value, true)?,
        }
    }
    if !specversion {
        return Err(EventError::attribute(
            Code::MissingAttribute,
            "specversion",
            "is required",
        ));
    }
    if members
        .iter()
        .filter(|(name, value)| {
            name.starts_with("data") && ["data", "data_base64"].contains(&&**name) && value.get() != "null"
        })
        .count()
        > 1
    {
        return Err(EventError::attribute(
            Code::InvalidAttribute,
            "data_base64",
            "cannot stand beside `data`",
        ));
    }
    event.time = time.map(ByteString::from);
    event.extensions.sort();
    check(&event)?;
    Ok(event)
}

/// An event as [`encode::json`] wrote it.
pub(super) fn stored(json: Bytes) -> Result<Inner, EventError> {
    let text = utf8(json)?;
    let Members(members) = parse(&text)?;
    let mut event = Inner::default();
    for (name, value) in &members {
        match &**name {
            "specversion" => {}
            "time" => event.time = Some(string(&text, name, value)?),
            "data" => event.data = Data::Json(text.slice_ref(value.get())),
            "data_base64" => {
                let bytes = STANDARD
                    .decode(string(&text, name, value)?.as_bytes())
                    .map_err(|e| {
                        EventError::attribute(Code::InvalidAttribute, "data_base64", e.to_string())
                    })?;
                event.data = Data::Binary(Bytes::from(bytes));
            }
            _ => set(&mut event, &text, name, value, false)?,
        }
    }
    if event.id.is_empty() || event.ty.is_empty() {
        return Err(EventError::new(Code::MalformedJson, "is not a stored event"));
    }
    let _ = event.json.set(text.into_bytes());
    Ok(event)
}

/// The checks that need no JSON: what every event obeys, whichever way it came in.
pub(super) fn check(event: &Inner) -> Result<(), EventError> {
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
        return Err(EventError::new(
            Code::InvalidAttribute,
            "has more than 64 extensions",
        ));
    }
    Ok(())
}

/// Sets one attribute other than time and payload.
fn set(
    event: &mut Inner,
    text: &ByteString,
    name: &str,
    value: &RawValue,
    foreign: bool,
) -> Result<(), EventError> {
    let slot = match name {
        "id" => return string(text, name, value).map(|v| event.id = v),
        "source" => return string(text, name, value).map(|v| event.source = v),
        "type" => return string(text, name, value).map(|v| event.ty = v),
        "sequence" => {
            let digits = value.get().trim_matches('"');
            let parsed = digits.parse().map_err(|_| {
                EventError::attribute(Code::InvalidAttribute, "sequence", "must be an unsigned integer")
            })?;
            event.sequence = Some(parsed);
            return Ok(());
        }
        "subject" => &mut event.subject,
        "datacontenttype" => &mut event.datacontenttype,
        "dataschema" => &mut event.dataschema,
        "dataref" => &mut event.dataref,
        "tenant" => &mut event.tenant,
        "stream" => &mut event.stream,
        "traceparent" => &mut event.traceparent,
        "tracestate" => &mut event.tracestate,
        "correlationid" => &mut event.correlationid,
        "causationid" => &mut event.causationid,
        _ => {
            let value = if foreign {
                extension(text, name, value)?
            } else {
                text.slice_ref(value.get())
            };
            event.extensions.push((text_of(text, name), value));
            return Ok(());
        }
    };
    *slot = Some(string(text, name, value)?);
    Ok(())
}

/// An extension's value in its normal form: a string without control characters, a 32-bit integer or a boolean.
fn extension(text: &ByteString, name: &str, value: &RawValue) -> Result<ByteString, EventError> {
    attribute::extension_name(name)?;
    match value.get().as_bytes().first() {
        Some(b'"') => {
            let value = string(text, name, value)?;
            if !value.is_empty() {
                attribute::text(name, &value, attribute::MAX_TEXT)?;
            }
            let mut out = Vec::with_capacity(value.len() + 2);
            encode::string(&mut out, &value);
            ByteString::try_from(out)
                .map_err(|_| EventError::attribute(Code::InvalidAttribute, name, "is not UTF-8"))
        }
        Some(b't' | b'f') => Ok(text.slice_ref(value.get())),
        _ if value.get().parse::<i32>().is_ok() => Ok(text.slice_ref(value.get())),
        _ => Err(EventError::attribute(
            Code::InvalidAttribute,
            name,
            "extension values are strings, 32-bit integers or booleans",
        )),
    }
}

fn utf8(json: Bytes) -> Result<ByteString, EventError> {
    ByteString::try_from(json).map_err(|_| EventError::new(Code::MalformedJson, "is not UTF-8"))
}

fn parse(text: &str) -> Result<Members<'_>, EventError> {
    serde_json::from_str(text)
        .map_err(|e| EventError::new(Code::MalformedJson, format!("is not a JSON object: {e}")))
}

/// A JSON string as a slice of the input where it has no escapes.
fn string(text: &ByteString, name: &str, value: &RawValue) -> Result<ByteString, EventError> {
    let raw = value.get();
    if let Some(inner) = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'))
        && !inner.contains('\\')
    {
        return Ok(text.slice_ref(inner));
    }
    serde_json::from_str::<String>(raw)
        .map(ByteString::from)
        .map_err(|_| {
            EventError::attribute(
                Code::InvalidAttribute,
                name.chars().take(64).collect::<String>(),
                "must be a string",
            )
        })
}

fn text_of(text: &ByteString, name: &str) -> ByteString {
    let inside = text.as_bytes().as_ptr_range().contains(&name.as_bytes().as_ptr());
    if inside {
        text.slice_ref(name)
    } else {
        ByteString::from(name.to_owned())
    }
}

/// The payload on one line: white space between tokens goes where it holds a line end.
pub(super) fn one_line(text: &ByteString, json: &str) -> ByteString {
    if !json.contains(['\n', '\r']) {
        return text.slice_ref(json);
    }
    let mut out = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' | '\t' | '\n' | '\r' if !quoted => continue,
            _ => {}
        }
        out.push(c);
    }
    ByteString::from(out)
}

/// The members of an object in order, values as they stand.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a CloudEvent as an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Key(name), value)) = map.next_entry()? {
                    if members.len() > 128 {
                        return Err(serde::de::Error::custom("more than 128 members"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
