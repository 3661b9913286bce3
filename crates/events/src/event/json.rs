//! Reading JSON without copying it.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use bytestring::ByteString;
use memchr::{memchr2, memchr2_iter};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Data;
use crate::{Code, EventError};

/// The most members an event may have, known and unknown.
const MAX_MEMBERS: usize = 128;
/// How deep a payload may nest: parsers in other languages give up soon after.
const MAX_DEPTH: usize = 100;

pub(crate) fn utf8(json: Bytes) -> Result<ByteString, EventError> {
    ByteString::try_from(json).map_err(|_| EventError::new(Code::MalformedJson, "is not UTF-8"))
}

/// A JSON string as a slice of the input where it has no escapes.
pub(crate) fn string(text: &ByteString, name: &str, value: &RawValue) -> Result<ByteString, EventError> {
    let raw = value.get();
    if let Some(inner) = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'))
        && !inner.contains('\\')
    {
        return Ok(text.slice_ref(inner));
    }
    serde_json::from_str::<String>(raw)
        .map(ByteString::from)
        .map_err(|_| EventError::attribute(Code::InvalidAttribute, name, "must be a string"))
}

/// A member's name as a slice of the input where it is one.
pub(crate) fn name(text: &ByteString, name: &str) -> ByteString {
    let inside = text.as_bytes().as_ptr_range().contains(&name.as_ptr());
    if inside { text.slice_ref(name) } else { ByteString::from(name) }
}

/// A payload as it is kept: on one line, and none where it is `null`.
pub(crate) fn payload(text: &ByteString, json: &str) -> Data {
    if json == "null" { Data::None } else { Data::Json(one_line(text, json)) }
}

/// The payload on one line: white space between tokens goes where it holds a line end.
fn one_line(text: &ByteString, json: &str) -> ByteString {
    if memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
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

/// Refuses a payload that nests deeper than [`MAX_DEPTH`].
pub(crate) fn depth(json: &str) -> Result<(), EventError> {
    // Few payloads have so many brackets at all; only those are walked.
    let brackets = memchr2_iter(b'{', b'[', json.as_bytes()).take(MAX_DEPTH + 1).count();
    if brackets <= MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for b in json.bytes() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            let why = format!("must not nest deeper than {MAX_DEPTH} levels");
            return Err(EventError::attribute(Code::InvalidData, "data", why));
        }
    }
    Ok(())
}

/// The members of an object in order, values as they stand.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        while let Some((Key(name), value)) = map.next_entry()? {
            if members.len() == MAX_MEMBERS {
                return Err(serde::de::Error::custom(format_args!("more than {MAX_MEMBERS} members")));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
