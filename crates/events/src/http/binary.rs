//! Binary mode: attributes in headers, the payload as the body.

use ::http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use super::{header, is_json, is_text};
use crate::{
    Code, Data, Event, EventError,
    event::{Inner, attribute, decode as check, encode as text, json},
};

/// An event from headers and body; `utf8` says whether the body may be read as text.
pub(super) fn decode(
    headers: &HeaderMap,
    media: Option<&str>,
    utf8: bool,
    body: Bytes,
) -> Result<Event, EventError> {
    let mut event = Inner::default();
    let mut seen: Vec<&str> = Vec::with_capacity(16);
    for attribute in header::attributes(headers) {
        let (name, value) = attribute?;
        if seen.contains(&name) {
            return Err(EventError::attribute(Code::InvalidAttribute, name, "stands twice"));
        }
        seen.push(name);
        match name {
            "specversion" => attribute::specversion(&value)?,
            "datacontenttype" => {
                return Err(EventError::attribute(
                    Code::InvalidAttribute,
                    name,
                    "must not be a `ce-` header: the body's `Content-Type` says it",
                ));
            }
            "data" => {
                return Err(EventError::attribute(
                    Code::InvalidAttribute,
                    name,
                    "must be the body, not a header",
                ));
            }
            "sequence" => event.sequence = Some(attribute::sequence(&value)?),
            known if let Some(slot) = event.slot(known) => slot.put(value.into()),
            _ => {
                attribute::extension_name(name)?;
                let value = text::extension(name, &value)?;
                event.extensions.push((ByteString::from(name), value));
            }
        }
    }
    if !seen.contains(&"specversion") {
        return Err(EventError::attribute(Code::MissingAttribute, "specversion", "is required"));
    }
    event.datacontenttype = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(|v| v.trim().into());
    event.data = payload(media, utf8, body)?;
    check::finish(&mut event)?;
    Ok(Event::from_inner(event))
}

fn payload(media: Option<&str>, utf8: bool, body: Bytes) -> Result<Data, EventError> {
    if body.is_empty() {
        return Ok(Data::None);
    }
    if media.is_some_and(|media| !is_json(media)) {
        let text = if utf8 && media.is_some_and(is_text) { std::str::from_utf8(&body).ok() } else { None };
        return Ok(match text.and_then(|text| serde_json::to_string(text).ok()) {
            Some(json) => Data::Json(json.into()),
            None => Data::Binary(body),
        });
    }
    let parsed = ByteString::try_from(body.clone()).map_err(|_| "is not UTF-8".to_owned()).and_then(|text| {
        let raw: &RawValue = serde_json::from_str(&text).map_err(|e| format!("is not JSON: {e}"))?;
        Ok(json::payload(&text, raw.get()))
    });
    match parsed {
        Ok(data) => Ok(data),
        Err(_) if media.is_none() => Ok(Data::Binary(body)),
        Err(why) => Err(EventError::attribute(Code::MalformedJson, "data", why)),
    }
}

/// The event in binary mode: headers and body.
#[must_use]
pub fn encode(event: &Event) -> (HeaderMap, Bytes) {
    let inner = event.inner();
    let mut headers = HeaderMap::with_capacity(16);
    let mut put = |name: &str, value: &str| {
        let name = HeaderName::try_from(format!("ce-{name}"));
        // Names are a-z 0-9 and values are percent-encoded, so both always are header text.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(header::encode(value))) {
            headers.insert(name, value);
        }
    };
    put("specversion", "1.0");
    put("id", &inner.id);
    put("source", &inner.source);
    put("type", &inner.ty);
    for (name, value) in [
        ("subject", &inner.subject),
        ("time", &inner.time),
        ("dataschema", &inner.dataschema),
        ("dataref", &inner.dataref),
        ("tenant", &inner.tenant),
        ("stream", &inner.stream),
        ("traceparent", &inner.traceparent),
        ("tracestate", &inner.tracestate),
        ("correlationid", &inner.correlationid),
        ("causationid", &inner.causationid),
    ] {
        if let Some(value) = value {
            put(name, value);
        }
    }
    if let Some(sequence) = inner.sequence {
        put("sequence", &sequence.to_string());
    }
    for (name, json) in event.extensions() {
        match serde_json::from_str::<String>(json) {
            Ok(value) => put(name, &value),
            Err(_) => put(name, json),
        }
    }
    let (implied, body) = match event.data() {
        Data::None => (None, Bytes::new()),
        Data::Json(json) => (Some("application/json"), text_of(event, json)),
        Data::Binary(bytes) => (Some("application/octet-stream"), bytes.clone()),
    };
    let media = event.datacontenttype().or(implied);
    if let Some(Ok(value)) = media.map(HeaderValue::try_from) {
        headers.insert(CONTENT_TYPE, value);
    }
    (headers, body)
}

/// A JSON payload as a body: a string whose content type is not JSON goes out as its text.
fn text_of(event: &Event, json: &ByteString) -> Bytes {
    let foreign = event
        .datacontenttype()
        .is_some_and(|media| !is_json(&media.split(';').next().unwrap_or("").trim().to_ascii_lowercase()));
    match serde_json::from_str::<String>(json) {
        Ok(text) if foreign => text.into(),
        _ => json.as_bytes().clone(),
    }
}
