//! How this server is spoken of, without credentials.

use headwater_events::{StreamName, Tenant};

use crate::KafkaOptions;

/// The topics and the servers they are on.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// The log.
    pub(crate) topic: String,
    /// The state.
    pub(crate) state: String,
    /// `host:port,…` as configured.
    pub(crate) servers: String,
}

impl Names {
    pub(crate) fn new(options: &KafkaOptions) -> Self {
        Self {
            topic: options.topic.clone(),
            state: options.state_topic(),
            servers: options.servers.join(","),
        }
    }
}

/// The key of a run's records: names have no `/`.
pub(crate) fn run_key(tenant: &str, stream: &str) -> String {
    let mut key = String::with_capacity(tenant.len() + 1 + stream.len());
    key.push_str(tenant);
    key.push('/');
    key.push_str(stream);
    key
}

/// What a key of [`run_key`] was made of.
pub(crate) fn run_of(key: &str) -> Option<(Tenant, StreamName)> {
    let (tenant, stream) = key.split_once('/')?;
    Some((tenant.parse().ok()?, stream.parse().ok()?))
}
