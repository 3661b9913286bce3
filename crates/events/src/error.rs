//! Why an event was refused: a stable code, the attribute, and what to do.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// A stable code. Each has a page in `docs/errors/`; a retired code is never used again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as it stands in answers and file names.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// The bytes are not JSON, or not UTF-8.
    MalformedJson = "malformed-json",
    /// An attribute is missing.
    MissingAttribute = "missing-attribute",
    /// An attribute has a value it cannot have.
    InvalidAttribute = "invalid-attribute",
    /// `specversion` is not `1.0`.
    UnsupportedSpecversion = "unsupported-specversion",
    /// The tenant's name is not one.
    InvalidTenant = "invalid-tenant",
    /// The stream's name is not one.
    InvalidStream = "invalid-stream",
    /// Neither `stream` nor `subject` names the run.
    MissingStream = "missing-stream",
    /// The type is not in the catalogue and the policy is `strict`.
    UnknownType = "unknown-type",
    /// `data` does not fit the schema of a known type.
    InvalidData = "invalid-data",
    /// The event does not follow the run's state machine and the policy is `strict`.
    InvalidTransition = "invalid-transition",
    /// The event is larger than the limit.
    EventTooLarge = "event-too-large",
    /// The request's content type is none that events come in.
    UnsupportedMediaType = "unsupported-media-type",
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
