//! What callers ask of the writer.

use bytes::Bytes;
use headwater_events::{Class, Event, Lane, Mark, StreamName, Tenant};
use headwater_store::{Append, Appended, Error, Version};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::keys;

/// Where an answer goes. A caller that has gone away is no error.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What callers ask of the writer.
pub(crate) enum Request {
    /// Store a batch.
    Append { events: Vec<Prepared>, room: OwnedSemaphorePermit, reply: Reply<Vec<Appended>> },
    /// Write a state value.
    Put { key: String, value: Bytes, expected: Option<Version>, reply: Reply<Version> },
    /// Delete a state value.
    Delete { key: String, expected: Version, reply: Reply<()> },
    /// What is not grouped with anything.
    Control(Control),
}

/// What is not grouped with anything.
pub(crate) enum Control {
    /// Delete a stream.
    Remove { tenant: Tenant, stream: StreamName, reply: Reply<bool> },
    /// Apply retention now.
    Trim { reply: Reply<()> },
    /// Store what was accepted and stop.
    Close { reply: Reply<()> },
}

/// An event in the form in which it is stored, made by its publisher so that the writer does not have to.
pub(crate) struct Prepared {
    pub(crate) event: Event,
    pub(crate) class: Class,
    pub(crate) mark: Mark,
    /// `tenant 0 stream`.
    pub(crate) run: Bytes,
    pub(crate) run_hash: u64,
    pub(crate) lane: u16,
    pub(crate) json: Bytes,
    pub(crate) json_hash: u64,
    /// Recognizes the event when it comes again.
    pub(crate) print: u128,
}

impl Prepared {
    pub(crate) fn new(append: Append, lanes: u16, seed: u64) -> Self {
        let Append { event, tenant, stream, class, mark } = append;
        let (tenant, stream) = (tenant.as_str(), stream.as_str());
        let run = keys::run(tenant, stream);
        let json = event.json().clone();
        let Lane(lane) = headwater_events::lane_of(tenant, stream, lanes);
        Self {
            class,
            mark,
            json_hash: xxh3_64(&json),
            json,
            print: print(seed, tenant, &event),
            lane,
            run_hash: xxh3_64(&run),
            run: Bytes::from(run),
            event,
        }
    }
}

fn print(seed: u64, tenant: &str, event: &Event) -> u128 {
    let parts = [tenant, event.source(), event.id()];
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
        // A byte that no part holds: control characters are refused.
        bytes.push(0);
    }
    xxh3_128_with_seed(&bytes, seed)
}
