//! Why a node did not do its work.

use std::fmt;

use crate::run::InterruptId;

/// Why a node did not do its work. Any error becomes one with `?`, and is tried again as the node's
/// [`Retry`](super::Retry) says.
#[derive(Debug, Clone)]
pub struct NodeError {
    pub(crate) kind: Kind,
    message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Trying again may help.
    Failed,
    /// Trying again does not help.
    Fatal,
    /// A question was asked; the node runs again with the answer.
    Waiting(InterruptId),
    /// Somebody wished it to stop.
    Cancelled,
}

impl NodeError {
    /// It went wrong, and trying again may help.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Failed, message: message.to_string() }
    }

    /// It went wrong, and trying again does not help.
    pub fn fatal(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Fatal, message: message.to_string() }
    }

    /// It stopped because its token was cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self { kind: Kind::Cancelled, message: "cancelled".to_owned() }
    }

    pub(crate) fn waiting(id: InterruptId) -> Self {
        Self { message: format!("waits for the answer to `{}`", id.0), kind: Kind::Waiting(id) }
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind == Kind::Failed
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// With every cause behind it.
impl<E: std::error::Error> From<E> for NodeError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors say their cause themselves.
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self::failed(message)
    }
}
