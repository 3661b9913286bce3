//! Why a worker cannot work.

/// An error of a worker. What passes by itself (a broker that is away) is none: the worker waits and goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Fix the configuration: the worker cannot be like that.
    #[error("{detail}")]
    BadWorker {
        /// What is wrong.
        detail: String,
    },
    /// The broker refused for good: the group cannot be like that, or the broker was closed.
    #[error(transparent)]
    Broker(#[from] headwater_broker::Error),
}

impl Error {
    /// The stable code: the name of the page in `docs/errors/`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::BadWorker { .. } => "bad-configuration",
            Self::Broker(error) => error.code(),
        }
    }
}
