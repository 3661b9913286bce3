//! How a relay is doing.

/// How a relay is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelayState {
    /// It begins.
    Starting,
    /// It publishes what comes.
    Working,
    /// The broker is away: it tries again.
    BrokerAway,
    /// The database is away: it tries again.
    DatabaseAway,
    /// It has ended.
    Stopped,
}

/// How a relay is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayStatus {
    /// In one word.
    pub state: RelayState,
    /// What is wrong, without credentials; empty where nothing is.
    pub detail: String,
    /// How often in a row it has failed.
    pub failures: u32,
    /// Its shares of the work, of 32.
    pub slots: usize,
    /// How many events it has published.
    pub published: u64,
    /// How many it has parked.
    pub parked: u64,
}

impl RelayStatus {
    pub(super) const fn starting() -> Self {
        Self {
            state: RelayState::Starting,
            detail: String::new(),
            failures: 0,
            slots: 0,
            published: 0,
            parked: 0,
        }
    }
}
