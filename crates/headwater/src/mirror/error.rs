//! Why a mirror ended early.

use std::{io, path::PathBuf};

use headwater_broker::Error;
use headwater_events::StreamName;

/// An error of a mirror. Starting it again goes on where it stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The source cannot be read.
    #[error("the source cannot be read")]
    Source(#[source] Error),
    /// The target cannot be read or written.
    #[error("the target cannot be written")]
    Target(#[source] Error),
    /// The place where the marks are kept cannot be read or written.
    #[error("the marks cannot be kept")]
    Marks(#[source] headwater_store::Error),
    /// The file of the marks cannot be read or written.
    #[error("the marks cannot be kept in {}", path.display())]
    MarkFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: io::Error,
    },
    /// Somebody else moved a mark meanwhile.
    #[error("another mirror of this name copies stream {stream}: run one at a time, or give each its name")]
    TwoMirrors {
        /// Where it was noticed.
        stream: StreamName,
    },
    /// What was asked for cannot be done between these two: change the options.
    #[error("{0}")]
    Options(String),
    /// A task of the mirror panicked.
    #[error("a task of the mirror ended early")]
    Lost,
}

impl MirrorError {
    /// Whether the options or the configuration must be changed: trying again does not help (exit code 64).
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(
            self,
            Self::Options(_)
                | Self::Source(Error::Store(headwater_store::Error::Config { .. }))
                | Self::Target(Error::Store(headwater_store::Error::Config { .. }))
        )
    }
}
