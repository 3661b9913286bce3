//! Errors as RFC 9457 problems, and the one place that makes them from the broker's.

mod codes;

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use headwater_broker::Error;
use headwater_events::{EventError, NameError};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

pub use codes::{CODES, ProblemCode};

/// An error as it is answered: `application/problem+json` with a stable `code`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem(Box<Members>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Members {
    /// `urn:headwater:error:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What the code means, in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable code: the name of the page in `docs/errors/`.
    code: Cow<'static, str>,
    /// What is wrong this time, and what to do.
    detail: String,
    /// Which event of the batch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    /// Which attribute of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    /// Which events of the batch were stored, where only part of it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<Vec<bool>>,
    /// How large the batch is and how large it may be, where it is over the limit.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    batch: Option<Batch>,
    /// Where to resume, where a stream ended with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// The size of a batch that is over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Batch {
    events: usize,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl Problem {
    /// A problem with a code of [`CODES`].
    pub(crate) fn new(code: &str, detail: impl Into<String>) -> Self {
        let row = codes::find(code);
        debug_assert!(row.is_some(), "{code} is not in the table");
        let (code, status, title) = match row {
            Some(row) => (Cow::Borrowed(row.code), row.status, row.title),
            None => (Cow::Owned(code.to_owned()), 500, "the server failed"),
        };
        Self(Box::new(Members {
            kind: format!("urn:headwater:error:{code}"),
            title,
            status,
            code,
            detail: detail.into(),
            index: None,
            attribute: None,
            stored: None,
            batch: None,
            cursor: None,
        }))
    }

    /// A problem of one event of a batch.
    pub(crate) fn event(index: usize, error: &EventError) -> Self {
        let mut problem = Self::new(error.code().as_str(), error.to_string());
        problem.0.index = Some(index);
        problem.0.attribute = error.attribute_name().map(str::to_owned);
        problem
    }

    /// An event that names another tenant than the caller's.
    pub(crate) fn foreign_tenant(index: usize, tenant: &str) -> Self {
        let detail = format!("tenant: must be absent or the caller's own, `{tenant}`");
        Self::of_event("foreign-tenant", index, "tenant", detail)
    }

    /// A problem of one attribute of an event of a batch.
    pub(crate) fn of_event(code: &str, index: usize, attribute: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(code, detail);
        problem.0.index = Some(index);
        problem.0.attribute = Some(attribute.to_owned());
        problem
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Whether the same request may succeed later, by itself.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.0.status, 500 | 502..=504 | 507 | 429)
    }

    /// The problem as JSON on one line.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_default()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        use headwater_store::Error as S;
        match &error {
            Error::InvalidEvent { index, error } => return Self::event(*index, error),
            Error::Remote { code, status, detail } => {
                let mut problem =
                    Self::new(codes::find(code).map_or("internal", |row| row.code), detail.clone());
                if problem.0.code == "internal" {
                    problem.0.status = if (400..600).contains(status) { *status } else { 502 };
                    problem.0.kind = format!("urn:headwater:error:{code}");
                    problem.0.code = Cow::Owned(code.clone());
                }
                return problem;
            }
            _ => {}
        }
        let mut problem = Self::new(error.code(), error.to_string());
        match &error {
            &Error::BatchTooLarge { events, bytes, max_events, max_bytes } => {
                problem.0.batch = Some(Batch { events, bytes, max_events, max_bytes });
            }
            Error::SlowConsumer { cursor } => problem.0.cursor = Some(cursor.to_string()),
            Error::Store(S::Partial { stored, .. }) => {
                problem.0.stored = Some(stored.iter().map(Option::is_some).collect());
            }
            _ => {}
        }
        problem
    }
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        let code = if error.kind() == "tenant" { "invalid-tenant" } else { "invalid-stream" };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.0.status == 500 {
            // The caller can do nothing about these: somebody has to hear of them.
            tracing::error!(code = %self.0.code, detail = %self.0.detail, "request failed");
        }
        let mut response = Response::new(Body::from(self.to_json()));
        *response.status_mut() =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.0.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"headwater\""));
        }
        if self.0.status == 503 {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
