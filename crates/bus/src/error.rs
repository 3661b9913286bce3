//! Why the bus refused.

use std::time::Duration;

/// An error of the bus itself. Emitters have [`EmitterError`](crate::EmitterError), sinks
/// [`SinkError`](crate::SinkError).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Fix the configuration: a sink cannot be opened.
    #[error("sink `{name}` cannot be opened: {reason}")]
    Sink {
        /// Which one.
        name: String,
        /// Why.
        reason: String,
    },
    /// Fix the configuration: it cannot work.
    #[error("{detail}")]
    Config {
        /// What to change.
        detail: String,
    },
    /// Not everything was drained in time. What remains in the log is delivered when the bus is started again.
    #[error("not drained within {waited:?}: {left}")]
    NotDrained {
        /// How long it waited.
        waited: Duration,
        /// What is left, by part.
        left: String,
    },
    /// The broker's answer.
    #[error(transparent)]
    Broker(#[from] headwater_broker::Error),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Sink { .. } | Self::Config { .. } => "bad-configuration",
            Self::NotDrained { .. } => "not-drained",
            Self::Broker(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::EmitterError;

    #[test]
    fn every_code_has_a_page() {
        let not_drained = Error::NotDrained { waited: Duration::ZERO, left: String::new() };
        let config = Error::Config { detail: String::new() };
        let full = EmitterError::Backpressure { queued: 1, away: None };
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let emitters = [EmitterError::Closed, EmitterError::Unknown, full];
        let codes = [not_drained, config].map(|error| error.code().to_owned());
        for code in codes.into_iter().chain(emitters.map(|error| error.code().to_owned())) {
            let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).expect(&code);
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        }
    }
}
