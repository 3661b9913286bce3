//! How an emitter is doing.

/// How an emitter is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmitterStatus {
    /// Events that were admitted and are not stored yet, those in the spool aside.
    pub queued: usize,
    /// How many may wait.
    pub capacity: usize,
    /// Events that were left out for want of room.
    pub dropped: u64,
    /// Events that the broker refused for good.
    pub refused: u64,
    /// Bytes that wait in the spool file.
    pub spooled_bytes: u64,
    /// Whether the store takes events.
    pub store: StoreState,
}

/// Whether the store takes events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StoreState {
    /// It does.
    #[default]
    Ready,
    /// It does not now: why. The emitter tries on.
    Away(String),
}
