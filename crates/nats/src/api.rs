//! The server's own language: questions and answers in JSON.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// An answer: what was asked for, or why not.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// Why JetStream refused.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) err_code: u16,
    #[serde(default)]
    pub(crate) description: String,
}

/// Error codes of the server that mean something here.
pub(crate) mod code {
    pub(crate) const NO_MESSAGE: u16 = 10037;
    pub(crate) const JETSTREAM_OFF: [u16; 2] = [10039, 10076];
    pub(crate) const STREAM_NAME_IN_USE: u16 = 10058;
    pub(crate) const STREAM_NOT_FOUND: u16 = 10059;
    pub(crate) const WRONG_LAST_SEQUENCE: [u16; 2] = [10071, 10164];
    pub(crate) const DUPLICATE_UNDECIDED: u16 = 10158;
    pub(crate) const NO_ROOM: [u16; 5] = [10002, 10023, 10028, 10047, 10077];
    pub(crate) const BATCH_TOO_MANY: u16 = 10210;
    pub(crate) const BATCH_INCOMPLETE: u16 = 10176;
    pub(crate) const BATCH_DUPLICATE: u16 = 10201;
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.description, self.err_code)
    }
}

/// Reads an answer.
pub(crate) fn answer<T: DeserializeOwned>(payload: &[u8]) -> Result<Answer<T>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Failed {
        error: Refusal,
    }
    if let Ok(failed) = serde_json::from_slice::<Failed>(payload) {
        return Ok(Err(failed.error));
    }
    serde_json::from_slice(payload).map(Ok)
}

/// What JetStream says of a stored message.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PubAck {
    pub(crate) seq: u64,
    #[serde(default)]
    pub(crate) duplicate: bool,
}

/// A question for stored messages.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Get {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_by_subj: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_by_subj: Option<String>,
}

/// A purge.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Purge {
    pub(crate) filter: String,
    /// Up to this, excluded.
    pub(crate) seq: u64,
}

/// The answer to a purge.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Purged {
    pub(crate) purged: u64,
}

/// What a stream is like.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StreamInfo {
    pub(crate) config: serde_json::Value,
    pub(crate) state: StreamState,
    /// Absent on a single server.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) ts: Option<jiff::Timestamp>,
    /// How many subjects there are, where they were asked for.
    #[serde(default)]
    pub(crate) total: usize,
}

/// What a stream holds.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct StreamState {
    pub(crate) messages: u64,
    pub(crate) last_seq: u64,
    pub(crate) last_ts: Option<jiff::Timestamp>,
    #[serde(default)]
    pub(crate) subjects: Option<std::collections::HashMap<String, u64>>,
}

/// The servers that keep a stream.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Cluster {
    /// All but the leader.
    #[serde(default)]
    pub(crate) replicas: Vec<Replica>,
}

/// A server that follows the leader of a stream.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Replica {
    #[serde(default)]
    pub(crate) current: bool,
    #[serde(default)]
    pub(crate) offline: bool,
    #[serde(default)]
    pub(crate) lag: u64,
}
