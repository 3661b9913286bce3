//! How a store over Kafka is opened.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use headwater_events::DEFAULT_LANES;
use headwater_store::{Clock, Limits, Retention, SystemClock};

/// A password: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How a user proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mechanism {
    /// SASL/PLAIN: the password goes over the wire, so that it should go over TLS.
    #[default]
    Plain,
    /// SASL/SCRAM-SHA-256: needs a build with TLS.
    ScramSha256,
    /// SASL/SCRAM-SHA-512: needs a build with TLS.
    ScramSha512,
}

impl Mechanism {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: Secret,
    /// How it proves it.
    pub mechanism: Mechanism,
}

/// Options of a store over Kafka. [`KafkaOptions::from_url`](crate::KafkaOptions::from_url) makes them from a URL.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Some of the cluster's servers, each `host:port`.
    pub servers: Vec<String>,
    /// The topic that holds the log: one for each namespace. `<topic>-state` holds the state.
    pub topic: String,
    /// How many lanes, that is partitions, the topic is created with; one that is there must have as many.
    pub lanes: u16,
    /// How many copies the servers keep of topics created here; by default as many as the servers are set to.
    pub replication: Option<i32>,
    /// How long events are kept. Kafka knows age and bytes, over all classes together: both are set when the topic
    /// is created, the largest of what the classes ask for, and limits by count and by the end of a run are not kept.
    pub retention: Retention,
    /// Who connects; by default nobody is told.
    pub user: Option<User>,
    /// Whether connections are encrypted; needs a build with TLS.
    pub tls: bool,
    /// The authorities that are trusted, as a PEM file; by default those of the system.
    pub tls_ca: Option<PathBuf>,
    /// How long one request, and the opening, may take.
    pub request_timeout: Duration,
    /// How long an append may wait for the server before it is given up.
    pub append_timeout: Duration,
    /// How long an append waits for company before it is sent. Appends that wait for an answer of the server are sent
    /// together anyway.
    pub linger: Duration,
    /// How many encoded bytes of the newest events are kept in memory, over all lanes.
    pub ring_bytes: usize,
    /// How many encoded bytes of appends may be on their way before callers wait to be let in.
    pub append_bytes: usize,
    /// How many connections read history.
    pub readers: usize,
    /// The most records of its lane that one read looks at.
    pub scan_records: usize,
    /// The most bytes of its lane that one read looks at.
    pub scan_bytes: usize,
    /// The largest event, in encoded bytes.
    pub max_event_bytes: usize,
    /// Where wall-clock time comes from. Events are stamped by the server.
    pub clock: Arc<dyn Clock>,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            servers: vec!["127.0.0.1:9092".to_owned()],
            topic: "headwater".to_owned(),
            lanes: DEFAULT_LANES,
            replication: None,
            retention: Retention::default(),
            user: None,
            tls: false,
            tls_ca: None,
            request_timeout: Duration::from_secs(10),
            append_timeout: Duration::from_secs(30),
            linger: Duration::ZERO,
            ring_bytes: 64 << 20,
            append_bytes: 32 << 20,
            readers: 4,
            scan_records: 100_000,
            scan_bytes: 64 << 20,
            max_event_bytes: 256 * 1024,
            clock: Arc::new(SystemClock),
        }
    }
}

impl KafkaOptions {
    pub(crate) fn state_topic(&self) -> String {
        format!("{}-state", self.topic)
    }

    /// `retention.ms` of the topic: -1 keeps for ever.
    pub(crate) fn retention_ms(&self) -> i64 {
        let of =
            |limits: Limits| limits.max_age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        match (of(self.retention.durable), of(self.retention.transient)) {
            (Some(durable), Some(transient)) => durable.max(transient),
            _ => -1,
        }
    }

    /// `retention.bytes` of each partition: -1 keeps everything.
    pub(crate) fn retention_bytes(&self) -> i64 {
        let of = |limits: Limits| limits.max_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        match (of(self.retention.durable), of(self.retention.transient)) {
            (Some(durable), Some(transient)) => {
                durable.saturating_add(transient) / i64::from(self.lanes.max(1))
            }
            _ => -1,
        }
    }
}
