//! Why an event was refused: a stable code, the attribute, and what to do.

use std::fmt;

/// A stable code. Each has a page in `docs/errors/`; a retired code is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The bytes are not JSON, or not UTF-8.
    MalformedJson,
    /// An attribute is missing.
    MissingAttribute,
    /// An attribute has a value it cannot have.
    InvalidAttribute,
    /// `specversion` is not `1.0`.
    UnsupportedSpecversion,
    /// The tenant's name is not one.
    InvalidTenant,
    /// The stream's name is not one.
    InvalidStream,
    /// Neither `stream` nor `subject` names the run.
    MissingStream,
    /// The type is not in the catalogue and the policy is `strict`.
    UnknownType,
    /// `data` does not fit the schema of a known type.
    InvalidData,
    /// The event does not follow the run's state machine and the policy is `strict`.
    InvalidTransition,
    /// The event is larger than the limit.
    EventTooLarge,
    /// The request's content type is none that events come in.
    UnsupportedMediaType,
}

impl Code {
    /// The code as it stands in answers and file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed-json",
            Self::MissingAttribute => "missing-attribute",
            Self::InvalidAttribute => "invalid-attribute",
            Self::UnsupportedSpecversion => "unsupported-specversion",
            Self::InvalidTenant => "invalid-tenant",
            Self::InvalidStream => "invalid-stream",
            Self::MissingStream => "missing-stream",
            Self::UnknownType => "unknown-type",
            Self::InvalidData => "invalid-data",
            Self::InvalidTransition => "invalid-transition",
            Self::EventTooLarge => "event-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event that cannot be accepted as it is. Sending it again unchanged fails again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventError {
    code: Code,
    attribute: Option<String>,
    detail: String,
}

impl EventError {
    /// An error without an attribute.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, attribute: None, detail: detail.into() }
    }

    /// An error in one attribute.
    pub fn attribute(code: Code, attribute: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, attribute: Some(attribute.into()), detail: detail.into() }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Which attribute is wrong, where it is one.
    #[must_use]
    pub fn attribute_name(&self) -> Option<&str> {
        self.attribute.as_deref()
    }

    /// What is wrong with it.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.attribute {
            Some(attribute) => write!(f, "{attribute}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for EventError {}
