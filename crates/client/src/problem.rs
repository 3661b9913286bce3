//! Problems (RFC 9457) back into the broker's errors.

use headwater_broker::Error;
use headwater_events::{Code, Cursor, EventError};
use headwater_store::Error as StoreError;
use reqwest::StatusCode;
use serde::Deserialize;

/// The members of a problem that mean something here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    code: Option<String>,
    status: Option<u16>,
    title: Option<String>,
    detail: Option<String>,
    index: Option<usize>,
    attribute: Option<String>,
    cursor: Option<String>,
    events: Option<usize>,
    bytes: Option<usize>,
    max_events: Option<usize>,
    max_bytes: Option<usize>,
}

/// Reads an answer that is no success.
pub(crate) fn parse(status: StatusCode, body: &[u8]) -> Error {
    serde_json::from_slice::<Problem>(body).unwrap_or_default().into_error(status)
}

impl Problem {
    /// The error it tells of; `status` stands in where the problem names none.
    pub(crate) fn into_error(self, status: StatusCode) -> Error {
        let status = self.status.unwrap_or(status.as_u16());
        let detail = self.detail.or(self.title).unwrap_or_else(|| format!("the server answered {status}"));
        let Some(code) = self.code else {
            return match status {
                429 | 502..=504 => StoreError::Unavailable { reason: detail }.into(),
                507 => StoreError::Full { reason: detail }.into(),
                _ => Error::Remote { code: format!("http-{status}"), status, detail },
            };
        };
        if let Some(known) = Code::ALL.iter().copied().find(|known| known.as_str() == code) {
            // The answer's sentence names index and attribute again.
            let index = self.index.unwrap_or(0);
            let detail = detail.strip_prefix(&format!("event {index}: ")).unwrap_or(&detail);
            let error = match self.attribute {
                Some(attribute) => {
                    let detail = detail.strip_prefix(&format!("{attribute}: ")).unwrap_or(detail);
                    EventError::attribute(known, &attribute, detail)
                }
                None => EventError::new(known, detail),
            };
            return Error::InvalidEvent { index, error };
        }
        let bare = |prefix: &str| detail.strip_prefix(prefix).unwrap_or(&detail).to_owned();
        let store = match code.as_str() {
            "bad-cursor" => return Error::BadCursor,
            "foreign-cursor" => return Error::ForeignCursor,
            "no-such-group" => return Error::NoGroup,
            "worker-conflict" => return Error::WorkerConflict,
            "bad-group" => return Error::BadGroup { detail },
            "batch-too-large" => {
                return Error::BatchTooLarge {
                    events: self.events.unwrap_or(0),
                    bytes: self.bytes.unwrap_or(0),
                    max_events: self.max_events.unwrap_or(0),
                    max_bytes: self.max_bytes.unwrap_or(0),
                };
            }
            "slow-consumer" => match self.cursor.as_deref().and_then(|c| c.parse::<Cursor>().ok()) {
                Some(cursor) => return Error::SlowConsumer { cursor },
                None => return Error::Remote { code, status, detail },
            },
            "storage-full" => StoreError::Full { reason: bare("no space left: ") },
            "outcome-unknown" => StoreError::Unknown { reason: bare("outcome unknown: ") },
            "unsupported" => StoreError::Unsupported { what: bare("not supported by this store: ").into() },
            "corrupt" => StoreError::corrupt(None, detail),
            // The server goes: another one, or the same one later, may answer.
            "unavailable" | "closed" => StoreError::Unavailable { reason: bare("store is not available: ") },
            _ => return Error::Remote { code, status, detail },
        };
        store.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str, status: u16) -> Error {
        serde_json::from_str::<Problem>(json).unwrap().into_error(StatusCode::from_u16(status).unwrap())
    }

    #[test]
    fn an_invalid_event_keeps_code_index_and_attribute() {
        let json =
            r#"{"code":"missing-attribute","index":3,"attribute":"source","detail":"source: is required"}"#;
        let Error::InvalidEvent { index: 3, error } = error(json, 400) else { panic!("another kind") };
        assert_eq!(error, EventError::attribute(Code::MissingAttribute, "source", "is required"));
    }

    #[test]
    fn every_code_of_an_event_comes_back() {
        for code in Code::ALL {
            let back = error(&format!(r#"{{"code":"{code}","detail":"why"}}"#), 400);
            assert_eq!(back.code(), code.as_str());
        }
    }

    #[test]
    fn codes_of_broker_and_store_come_back() {
        for code in [
            "bad-cursor",
            "foreign-cursor",
            "batch-too-large",
            "storage-full",
            "outcome-unknown",
            "unsupported",
            "corrupt",
        ] {
            assert_eq!(error(&format!(r#"{{"code":"{code}"}}"#), 400).code(), code);
        }
        assert!(error(r#"{"code":"closed"}"#, 503).is_retryable());
        assert!(error("{}", 503).is_retryable());
        assert!(!error("{}", 403).is_retryable());
        assert_eq!(error(r#"{"code":"forbidden-tenant"}"#, 403).code(), "forbidden-tenant");
    }
}
