//! How far a reader is behind.

/// How far a reader is behind what has been published in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// So many events wait for it; those that its filter hides are among them.
    Events(u64),
    /// More than the hub keeps at hand: it reads the log.
    BehindTheHub,
    /// The source cannot tell: a remote broker, a feed, or a fill that is under way.
    Unknown,
}

impl Lag {
    /// The number, where it is known.
    #[must_use]
    pub const fn events(self) -> Option<u64> {
        match self {
            Self::Events(n) => Some(n),
            Self::BehindTheHub | Self::Unknown => None,
        }
    }

    /// With `more` events that wait elsewhere.
    pub(crate) const fn and(self, more: u64) -> Self {
        match self {
            Self::Events(n) => Self::Events(n.saturating_add(more)),
            other => other,
        }
    }
}
