//! How long events are kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one class. What exceeds any of them is removed, oldest first.
///
/// Counts and bytes are those of the whole log, or of each lane in a store that numbers each lane by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The oldest an event may get since it was stored.
    pub max_age: Option<Duration>,
    /// How many events.
    pub max_events: Option<u64>,
    /// How many encoded bytes.
    pub max_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_age: Some(Duration::from_secs(7 * 24 * 3600)), max_events: None, max_bytes: None }
    }
}

/// What a store keeps, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Durable and internal events: 7 days by default.
    pub durable: Limits,
    /// Transient events: at most 24 hours by default.
    pub transient: Limits,
    /// Transient events of a run are removed this long after its end: 1 hour by default.
    pub transient_after_end: Option<Duration>,
    /// A run that has ended is removed whole this long after its end; by default only age removes it.
    pub run_after_end: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            durable: Limits::default(),
            transient: Limits { max_age: Some(Duration::from_secs(24 * 3600)), ..Limits::default() },
            transient_after_end: Some(Duration::from_secs(3600)),
            run_after_end: None,
        }
    }
}
