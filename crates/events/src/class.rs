//! How long an event matters and who may see it.

use std::fmt;

/// The class of an event: decides who is offered it and how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// In the stream and in the lane: tails and groups see it.
    Durable = 0,
    /// In the stream only (deltas, progress): never offered to groups, may be trimmed soon after the run.
    Transient = 1,
    /// In the stream only, shown to no reader but the runtime and administrators.
    Internal = 2,
}

impl Class {
    /// The stable name used in metrics, metadata and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Transient => "transient",
            Self::Internal => "internal",
        }
    }

    /// The class with the given number, as stores write it.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        match n {
            0 => Some(Self::Durable),
            1 => Some(Self::Transient),
            2 => Some(Self::Internal),
            _ => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of classes, for reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes(u8);

impl Classes {
    /// Durable events only: what tenant and lane scopes hold.
    pub const DURABLE: Self = Self(0b001);
    /// Durable and transient: what an ordinary reader of a stream sees.
    pub const VISIBLE: Self = Self(0b011);
    /// Every class: the runtime and administrators.
    pub const ALL: Self = Self(0b111);

    /// Whether the set holds `class`.
    #[must_use]
    pub const fn contains(self, class: Class) -> bool {
        self.0 & (1 << class as u8) != 0
    }
}

/// What an event does to the run (the root entity) it belongs to.
///
/// The end of a run is not the end of a task or of a model answer inside it: only an event whose
/// `subject` is the stream itself opens or ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mark {
    /// Neither opens nor ends the run.
    None = 0,
    /// Opens the run, or reopens one that had ended.
    Opens = 1,
    /// Ends the run: completed.
    Completed = 2,
    /// Ends the run: failed.
    Failed = 3,
    /// Ends the run: cancelled.
    Cancelled = 4,
}

impl Mark {
    /// Whether the mark is a terminal one.
    #[must_use]
    pub const fn ends(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The mark with the given number, as stores write it.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        match n {
            0 => Some(Self::None),
            1 => Some(Self::Opens),
            2 => Some(Self::Completed),
            3 => Some(Self::Failed),
            4 => Some(Self::Cancelled),
            _ => None,
        }
    }
}
