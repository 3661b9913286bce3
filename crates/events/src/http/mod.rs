//! CloudEvents over HTTP: the binary, structured and batched content modes.
//!
//! ```
//! use headwater_events::http::{Decoded, decode};
//! let mut headers = http::HeaderMap::new();
//! for (name, value) in [
//!     ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/a"), ("ce-type", "a.b.v1"),
//!     ("ce-subject", "wf-1/caf%C3%A9"), ("content-type", "application/json"),
//! ] {
//!     headers.insert(name, value.parse().unwrap());
//! }
//! let Ok(Decoded::Single(event)) = decode(&headers, "{}".into()) else { panic!() };
//! assert_eq!(event.subject(), Some("wf-1/café"));
//! ```

mod batch;
mod binary;
mod header;

use ::http::{HeaderMap, header::CONTENT_TYPE};
use bytes::Bytes;

pub use binary::encode as encode_binary;

use crate::{Code, Event, EventError, dialect};

/// The media type of one event in structured mode.
pub const STRUCTURED: &str = "application/cloudevents+json";
/// The media type of several events.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// What a request carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// One event, in binary or structured mode.
    Single(Event),
    /// A batch, in its order; it may be empty.
    Batch(Vec<Event>),
}

impl Decoded {
    /// The events in their order.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        match self {
            Self::Single(event) => vec![event],
            Self::Batch(events) => events,
        }
    }
}

/// Reads the events of a request, in whichever mode its headers say. Of the content type's parameters only `charset`
/// matters: events are UTF-8.
///
/// * `application/cloudevents+json`: structured; `application/cloudevents-batch+json`: batched. Other
///   `application/cloudevents…` formats are refused.
/// * Otherwise, with any `ce-` header: binary. A JSON content type, or none where the body parses as JSON, gives a
///   JSON payload; text and XML in UTF-8 give a string; anything else gives bytes. An empty body is no payload.
/// * Otherwise, with a JSON content type or none: a structured event, or a batch where the body is an array, so that a
///   plain JSON client can publish. What is no CloudEvent there is read as the envelope of another system
///   ([`dialect::accept`]).
///
/// # Errors
/// The error and the index of the event it concerns: 0 outside batches.
pub fn decode(headers: &HeaderMap, body: Bytes) -> Result<Decoded, (usize, EventError)> {
    let media = media_type(headers).map_err(|e| (0, e))?;
    let utf8 = is_utf8(headers);
    let single = |event: Result<Event, EventError>| event.map(Decoded::Single).map_err(|e| (0, e));
    match media.as_deref() {
        Some(STRUCTURED | BATCH) if !utf8 => single(Err(foreign_charset())),
        Some(STRUCTURED) => single(Event::from_json(body)),
        Some(BATCH) => batch::decode(body, Event::from_json).map(Decoded::Batch),
        Some(other) if other.starts_with("application/cloudevents") => single(Err(unsupported(other))),
        media if header::any(headers) => single(binary::decode(headers, media, utf8, body)),
        media if media.is_none_or(is_json) && !utf8 => single(Err(foreign_charset())),
        media if media.is_none_or(is_json) => {
            if body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[') {
                batch::decode(body, plain).map(Decoded::Batch)
            } else {
                single(plain(body))
            }
        }
        Some(other) => single(Err(unsupported(other))),
        None => single(plain(body)),
    }
}

/// A CloudEvent, else the envelope of another system. The second reading costs only those who need it.
fn plain(json: Bytes) -> Result<Event, EventError> {
    Event::from_json(json.clone()).or_else(|_| dialect::accept(json))
}

/// Whether the content type names no charset, or UTF-8 or its subset.
fn is_utf8(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').skip(1).filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        let value = value.trim().trim_matches('"');
        !name.trim().eq_ignore_ascii_case("charset")
            || ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
    })
}

/// The media type in lower case without its parameters.
fn media_type(headers: &HeaderMap) -> Result<Option<String>, EventError> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| {
        EventError::attribute(Code::InvalidAttribute, "datacontenttype", "must be printable ASCII")
    })?;
    let media = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    Ok(Some(media).filter(|media| !media.is_empty()))
}

/// Whether a media type is JSON: `application/json`, `text/json`, `…+json`.
fn is_json(media: &str) -> bool {
    matches!(media, "application/json" | "text/json") || media.ends_with("+json")
}

/// Whether a media type is text that is not JSON: `text/…`, XML.
fn is_text(media: &str) -> bool {
    !is_json(media) && (media.starts_with("text/") || media == "application/xml" || media.ends_with("+xml"))
}

fn foreign_charset() -> EventError {
    EventError::new(Code::UnsupportedMediaType, "events are UTF-8: send no charset, or `charset=utf-8`")
}

fn unsupported(media: &str) -> EventError {
    let shown: String = media.chars().take(64).collect();
    EventError::new(
        Code::UnsupportedMediaType,
        format!(
            "cannot read `{shown}`: send `{STRUCTURED}`, `{BATCH}`, or `ce-` headers with the payload as body"
        ),
    )
}
