//! Why there is no server.

/// Why a server is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not installed: the text says how to change that. [`need`](crate::need) skips the test.
    #[error("{0}")]
    Missing(String),
    /// It is installed and does not do what it should: a test must fail.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    pub(crate) fn failed(what: impl std::fmt::Display) -> Self {
        Self::Failed(what.to_string())
    }

    /// An error of the operating system, with what was tried.
    pub(crate) fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Failed(format!("{what}: {error}"))
    }
}
