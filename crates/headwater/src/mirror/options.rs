//! What is copied, and how.

use std::{path::PathBuf, time::Duration};

use headwater_events::{StreamName, Tenant};

/// Settings of a [`mirror`](super::mirror), every one with its default.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// Whose streams. Default: the tenant `default`.
    pub tenant: Tenant,
    /// Which of them; `None`, the default: all.
    pub streams: Option<Vec<StreamName>>,
    /// Internal events (checkpoints) too, which needs both brokers in this process. Default: no.
    pub internal: bool,
    /// Goes on with what is published from now on, and never ends by itself. Default: no.
    pub follow: bool,
    /// Forgets the marks and compares each stream with what the target has. Default: no.
    pub restart: bool,
    /// Under which name the marks are kept, so that several sources can be copied into one target: at most 64
    /// bytes. Default: `mirror`.
    pub name: String,
    /// A file for the marks. Without one they are kept in the state of the target, or of the source where the target is
    /// not in this process; where neither is, there are none, and every start compares what both have.
    pub state_file: Option<PathBuf>,
    /// How many events are sent at once, at most. Default: 500.
    pub batch: usize,
    /// How many streams are copied side by side. Default: 8.
    pub side_by_side: usize,
    /// How long to try again while one of the two is away. Default: 60 s.
    pub retry_for: Duration,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self {
            tenant: Tenant::default(),
            streams: None,
            internal: false,
            follow: false,
            restart: false,
            name: "mirror".to_owned(),
            state_file: None,
            batch: 500,
            side_by_side: 8,
            retry_for: Duration::from_secs(60),
        }
    }
}
