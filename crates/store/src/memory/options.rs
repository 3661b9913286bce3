//! How a memory store is made.

use std::{sync::Arc, time::Duration};

use headwater_events::DEFAULT_LANES;

use crate::{Clock, Retention, SystemClock, ring::Ring};

/// How a [`MemoryStore`](super::MemoryStore) is made.
#[derive(Debug, Clone)]
pub struct MemoryOptions {
    /// What it keeps, and for how long.
    pub retention: Retention,
    /// What all events together may occupy, in bytes of memory: 256 MiB by default. The oldest go first. Durable
    /// events leave a quarter of it to the transient ones; those take what is free and never push out a durable one.
    pub max_bytes: usize,
    /// What is kept for followers, in bytes of memory; it is part of `max_bytes` as long as that keeps it too.
    pub ring_bytes: usize,
    /// How many lanes there are.
    pub lanes: u16,
    /// How long a second append of the same (tenant, source, id) is recognized; `None`: never.
    pub dedup_window: Option<Duration>,
    /// How many ids are remembered, about 100 bytes each: a million by default. When more than that arrive inside
    /// the window, only the latest are recognized.
    pub dedup_ids: usize,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            max_bytes: 256 << 20,
            ring_bytes: Ring::DEFAULT_BYTES,
            lanes: DEFAULT_LANES,
            dedup_window: Some(Duration::from_secs(120)),
            dedup_ids: 1 << 20,
            clock: Arc::new(SystemClock),
        }
    }
}
