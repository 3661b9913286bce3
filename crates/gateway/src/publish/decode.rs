//! What a request carries.

use bytes::Bytes;
use headwater_events::{Code, Event, http};
use hyper::{HeaderMap, header};

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

/// The events of a request, in whichever mode of CloudEvents over HTTP it is.
pub(super) fn decode(headers: &HeaderMap, body: Bytes) -> Result<Vec<Event>, Problem> {
    match http::decode(headers, body) {
        Ok(decoded) => Ok(decoded.into_events()),
        Err((_, error)) if error.code() == Code::UnsupportedMediaType => {
            Err(Problem::new(error.code().as_str(), error.to_string()))
        }
        Err((index, error)) => Err(Problem::event(index, &error)),
    }
}
