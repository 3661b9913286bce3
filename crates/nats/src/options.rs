//! How a log on NATS is opened.

use std::{path::PathBuf, time::Duration};

use headwater_events::DEFAULT_LANES;
use headwater_store::Retention;

/// Options of a log on NATS.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// What its JetStream stream and its bucket are named after: 1-32 letters, digits, `_` and `-`. Logs of different
    /// namespaces on one server know nothing of each other.
    pub namespace: String,
    /// How many lanes a new log gets. An existing log keeps the number it was created with.
    pub lanes: u16,
    /// On how many servers of the cluster a new log is kept.
    pub replicas: usize,
    /// How long events are kept.
    pub retention: Retention,
    /// How often retention is applied; of several processes one does it.
    pub retention_interval: Duration,
    /// How long a second append of the same (tenant, source, id) is recognized, by the server's clock.
    pub dedup_window: Duration,
    /// Asks a server that can (2.12) to store each batch whole or not at all. It costs: the server makes files for
    /// every batch, so that one of a hundred events took 3 to 20 ms where a window of single ones took 1.2 ms, and one
    /// of two took as long. So it is off unless it is asked for (`?atomic=true`); without it an append that fails
    /// half-way says what was stored, and sending again completes it.
    pub atomic: bool,
    /// How many encoded bytes of the newest events each followed tenant keeps at hand.
    pub ring_bytes: usize,
    /// How many tenants are followed each by a consumer of its own; beyond, one consumer serves all others.
    pub tenant_consumers: usize,
    /// The largest event, in encoded bytes, unless the server takes less.
    pub max_event_bytes: usize,
    /// How long a call waits for the server before it fails.
    pub timeout: Duration,
    /// A file with credentials (`.creds`), for servers that want them.
    pub credentials: Option<PathBuf>,
    /// A file with the certificates of the authority that signed the server's, where the system does not know it.
    pub tls_ca: Option<PathBuf>,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            namespace: "hw".to_owned(),
            lanes: DEFAULT_LANES,
            replicas: 1,
            retention: Retention::default(),
            retention_interval: Duration::from_secs(30),
            dedup_window: Duration::from_secs(120),
            atomic: false,
            ring_bytes: 8 * 1024 * 1024,
            tenant_consumers: 100,
            max_event_bytes: 256 * 1024,
            timeout: Duration::from_secs(10),
            credentials: None,
            tls_ca: None,
        }
    }
}
