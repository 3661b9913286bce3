//! Why a model did not answer.

/// Why a model did not answer, or not to the end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// In one word.
    pub kind: ModelErrorKind,
    /// In one sentence, without credentials.
    pub message: String,
}

/// Why a model did not answer, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// Fix the key: it is missing, wrong or expired.
    Unauthorized,
    /// Fix the request: the server refused it.
    Refused,
    /// Fix the address: what is there is not such an interface.
    NotAnApi,
    /// Try later: the server has too much to do.
    Overloaded,
    /// Try later: the server failed.
    Server,
    /// Try later: there was no connection.
    Unreachable,
    /// Try again: the answer was cut off.
    Cut,
    /// Try again: nothing came for too long.
    Stalled,
    /// Stop: the answer makes no sense.
    Garbled,
}

impl ModelErrorKind {
    /// Every kind there is.
    pub const ALL: [Self; 9] = [
        Self::Unauthorized,
        Self::Refused,
        Self::NotAnApi,
        Self::Overloaded,
        Self::Server,
        Self::Unreachable,
        Self::Cut,
        Self::Stalled,
        Self::Garbled,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "model-unauthorized",
            Self::Refused => "model-refused",
            Self::NotAnApi => "model-not-an-api",
            Self::Overloaded => "model-overloaded",
            Self::Server => "model-server-error",
            Self::Unreachable => "model-unreachable",
            Self::Cut => "model-cut-off",
            Self::Stalled => "model-stalled",
            Self::Garbled => "model-garbled",
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Overloaded | Self::Server | Self::Unreachable | Self::Cut | Self::Stalled)
    }
}

impl ModelError {
    /// An error of a kind.
    #[must_use]
    pub fn new(kind: ModelErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
