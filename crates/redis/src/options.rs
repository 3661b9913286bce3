//! How a store over Redis is opened.

use std::{path::PathBuf, sync::Arc, time::Duration};

use headwater_events::DEFAULT_LANES;
use headwater_store::{Clock, Retention, ring::Ring};

/// How a [`RedisStore`](crate::RedisStore) is opened.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// What every key begins with: `hw` unless the URL says `?namespace=…`. Several Headwaters share a server by it.
    pub namespace: String,
    /// How many lanes a new log gets. An existing one keeps the number it was created with.
    pub lanes: u16,
    /// What is kept, and for how long.
    pub retention: Retention,
    /// How often retention is applied. Processes that share a log take turns.
    pub retention_interval: Duration,
    /// How long a second append of the same (tenant, source, id) is recognized, at least; up to twice as long.
    pub dedup_window: Duration,
    /// About how many references the feed of a tenant holds: how far back a follower may begin.
    pub feed_entries: u64,
    /// What is kept for followers in memory, in bytes.
    pub ring_bytes: usize,
    /// How many calls wait to be stored before callers wait to be let in.
    pub queue_calls: usize,
    /// The most events that are stored by one script, unless one batch has more.
    pub group_events: usize,
    /// About the most encoded bytes that are stored by one script.
    pub group_bytes: usize,
    /// The largest event, in encoded bytes.
    pub max_event_bytes: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an answer may take before the connection counts as lost.
    pub response_timeout: Duration,
    /// How long a call waits for a server that is away before it fails.
    pub patience: Duration,
    /// A file with the certificates of the authority that signed the server's, where the system does not know it. The
    /// URL may name it too: `?tls_ca=…`.
    pub tls_ca: Option<PathBuf>,
    /// Where the time comes from: the server, unless a test gives a clock.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            namespace: "hw".to_owned(),
            lanes: DEFAULT_LANES,
            retention: Retention::default(),
            retention_interval: Duration::from_secs(30),
            dedup_window: Duration::from_secs(120),
            feed_entries: 10_000,
            ring_bytes: Ring::DEFAULT_BYTES,
            queue_calls: 1024,
            group_events: 1000,
            group_bytes: 1 << 20,
            max_event_bytes: 256 * 1024,
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(2),
            tls_ca: None,
            clock: None,
        }
    }
}
