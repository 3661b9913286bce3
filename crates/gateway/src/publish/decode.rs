//! Which mode a request is in, and its events.

use bytes::Bytes;
use headwater_events::{Code, Event, EventError};
use http::{HeaderMap, header};
use serde_json::value::RawValue;

use crate::problem::Problem;

/// Bodies are taken as they are.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(Problem::new(
            "unsupported-media-type",
            "bodies cannot be compressed: send without Content-Encoding",
        )),
        _ => Ok(()),
    }
}

/// The events of a request.
pub(super) fn decode(headers: &HeaderMap, body: Bytes) -> Result<Vec<Event>, Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let essence = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/cloudevents+json" => Ok(vec![
            Event::from_json(body).map_err(|error| Problem::event(0, &error))?,
        ]),
        "application/cloudevents-batch+json" => batch(&body),
        _ => Err(Problem::new(
            "unsupported-media-type",
            "send application/cloudevents+json, application/cloudevents-batch+json, or ce- headers (binary mode)",
        )),
    }
}

fn batch(body: &Bytes) -> Result<Vec<Event>, Problem> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Problem::event(0, &EventError::new(Code::MalformedJson, "is not UTF-8")))?;
    let items: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|e| Problem::new("malformed-json", format!("the body is not a JSON array: {e}")))?;
    let mut events = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let event = Event::from_json(body.slice_ref(item.get().as_bytes()));
        events.push(event.map_err(|error| Problem::event(index, &error))?);
    }
    Ok(events)
}
