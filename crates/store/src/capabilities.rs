//! What a store can do, declared as data.

use std::time::Duration;

use serde::Serialize;

/// How one run's events are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunRead {
    /// By an index: a read costs what it returns.
    Index,
    /// By scanning the run's lane from its first position.
    Scan,
}

/// What a store can do. What is not declared fails with [`Error::Unsupported`](crate::Error::Unsupported),
/// never silently, and the suite tests all that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Events survive the end of the process.
    pub durable: bool,
    /// Other processes may write to the same log.
    pub shared: bool,
    /// A batch is stored whole or not at all.
    pub atomic_batch: bool,
    /// How long a second append of the same (tenant, source, id) is recognized.
    pub dedup_window: Option<Duration>,
    /// How one run's events are found.
    pub run_read: RunRead,
    /// Each lane has a numbering of its own: places in scopes wider than a lane are vectors, one number a lane.
    pub vector_positions: bool,
    /// Following one tenant does not cost the traffic of the others: only tenants that have readers are followed.
    pub follow_by_tenant: bool,
    /// A tenant can be read in one order.
    pub tenant_order: bool,
    /// Transient events can be trimmed before durable ones.
    pub trim_transient: bool,
    /// A stream can be deleted.
    pub delete_stream: bool,
    /// Runs can be listed.
    pub list_streams: bool,
    /// The lag of a group can be told in events.
    pub lag: bool,
    /// The largest event, in encoded bytes.
    pub max_event_bytes: usize,
    /// Limits by age, count and bytes are enforced.
    pub retention: bool,
}

impl Capabilities {
    /// Everything a store can have, with the default limits: the starting point of a declaration.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            durable: true,
            shared: false,
            atomic_batch: true,
            dedup_window: Some(Duration::from_secs(120)),
            run_read: RunRead::Index,
            vector_positions: false,
            follow_by_tenant: false,
            tenant_order: true,
            trim_transient: true,
            delete_stream: true,
            list_streams: true,
            lag: true,
            max_event_bytes: 256 * 1024,
            retention: true,
        }
    }
}
