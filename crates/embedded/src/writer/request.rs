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
    /// The events of a batch.
    pub(crate) fn batch(batch: Vec<Append>, lanes: u16, seed: u64) -> Vec<Self> {
        let mut prepared: Vec<Self> = Vec::with_capacity(batch.len());
        // Written over and over: what recognizes an event is made of several pieces.
        let mut scratch = Vec::new();
        for append in batch {
            let home = Home::of(&append, prepared.last(), lanes);
            prepared.push(Self::new(append, home, seed, &mut scratch));
        }
        prepared
    }

    fn new(append: Append, home: Home, seed: u64, scratch: &mut Vec<u8>) -> Self {
        let Append { event, tenant, class, mark, .. } = append;
        let Home { run, run_hash, lane } = home;
        let json = event.json().clone();
        let print = print(seed, tenant.as_str(), &event, scratch);
        Self { class, mark, run, run_hash, lane, json_hash: xxh3_64(&json), json, print, event }
    }
}

/// What the events of a run have in common.
struct Home {
    run: Bytes,
    run_hash: u64,
    lane: u16,
}

impl Home {
    /// That of the event before, where both are of one run, as they are more often than not.
    fn of(append: &Append, before: Option<&Prepared>, lanes: u16) -> Self {
        let (tenant, stream) = (append.tenant.as_str(), append.stream.as_str());
        if let Some(before) = before.filter(|before| keys::split(&before.run) == Some((tenant, stream))) {
            return Self { run: before.run.clone(), run_hash: before.run_hash, lane: before.lane };
        }
        let run = keys::run(tenant, stream);
        let Lane(lane) = headwater_events::lane_of(tenant, stream, lanes);
        Self { run_hash: xxh3_64(&run), run: Bytes::from(run), lane }
    }
}

fn print(seed: u64, tenant: &str, event: &Event, scratch: &mut Vec<u8>) -> u128 {
    scratch.clear();
    for part in [tenant, event.source(), event.id()] {
        scratch.extend_from_slice(part.as_bytes());
        // A byte that no part holds: control characters are refused.
        scratch.push(0);
    }
    xxh3_128_with_seed(scratch, seed)
}
