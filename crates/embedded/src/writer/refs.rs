//! The references of one group: one value for each tenant in it, and one for each lane of a tenant.

use std::collections::HashMap;

use bytes::Bytes;
use fjall::{Keyspace, OwnedWriteBatch};
use headwater_events::Position;

use super::group::Run;
use crate::{
    keys,
    refs::{MOST, Refs},
};

/// Puts the references of a group's durable events, each given with its run's place in `runs`.
pub(super) fn put(
    batch: &mut OwnedWriteBatch,
    bucket: &Keyspace,
    runs: &[(Bytes, Run)],
    durable: &[(Position, usize)],
) {
    let mut scopes = Scopes { at: HashMap::new(), scopes: Vec::new() };
    let mut places: Vec<Option<[Place; 2]>> = vec![None; runs.len()];
    for &(position, run) in durable {
        let [tenant, lane] =
            *places[run].get_or_insert_with(|| scopes.places(&runs[run].0, runs[run].1.lane));
        for place in [tenant, lane] {
            let scope = &mut scopes.scopes[place.scope];
            scope.refs.entries.push((position, place.stream));
            if scope.refs.entries.len() == MOST {
                scope.put(batch, bucket);
            }
        }
    }
    for scope in scopes.scopes.iter_mut().filter(|scope| !scope.refs.entries.is_empty()) {
        scope.put(batch, bucket);
    }
}

/// A run in a scope.
#[derive(Clone, Copy)]
struct Place {
    scope: usize,
    stream: usize,
}

struct Scopes {
    /// Where a scope of this key stands.
    at: HashMap<Vec<u8>, usize>,
    scopes: Vec<Scope>,
}

struct Scope {
    key: Vec<u8>,
    refs: Refs,
}

impl Scopes {
    fn places(&mut self, run: &Bytes, lane: u16) -> [Place; 2] {
        let (tenant, stream) = keys::split(run).unwrap_or_default();
        let stream = run.slice_ref(stream.as_bytes());
        [keys::tenant(tenant, Position::ZERO), keys::lane(lane, tenant, Position::ZERO)].map(|key| {
            let scope = *self.at.entry(key).or_insert_with_key(|key| {
                self.scopes.push(Scope { key: key.clone(), refs: Refs::default() });
                self.scopes.len() - 1
            });
            let streams = &mut self.scopes[scope].refs.streams;
            streams.push(stream.clone());
            Place { scope, stream: streams.len() - 1 }
        })
    }
}

impl Scope {
    /// Puts what was gathered. The names stay: what comes next may need them again.
    fn put(&mut self, batch: &mut OwnedWriteBatch, bucket: &Keyspace) {
        let mut key = self.key.clone();
        keys::place(&mut key, self.refs.last().unwrap_or_default());
        batch.insert(bucket, key, self.refs.encode());
        self.refs.entries.clear();
    }
}
