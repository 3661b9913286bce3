//! The references of one group: one value for each tenant in it, and one for each lane of a tenant.

use std::collections::HashMap;

use bytes::Bytes;
use fjall::{Keyspace, OwnedWriteBatch};
use headwater_events::Position;

use super::group::Run;
use crate::{
    keys,
    refs::{MOST, Refs, Source},
};

/// Puts the references of a group's durable events, each given with its run's place in `runs`.
pub(super) fn put(
    batch: &mut OwnedWriteBatch,
    bucket: &Keyspace,
    runs: &[(Bytes, Run)],
    durable: &[(Position, usize)],
) {
    let mut scopes = Scopes { at: HashMap::new(), scopes: Vec::new() };
    let mut places: Vec<Option<Places>> = vec![None; runs.len()];
    for &(position, run) in durable {
        let places = match places[run].filter(|places| position <= places.until) {
            Some(known) => known,
            None => *places[run].insert(scopes.places(&runs[run].0, &runs[run].1, position)),
        };
        for place in places.places {
            let scope = &mut scopes.scopes[place.scope];
            scope.refs.entries.push((position, place.source));
            if scope.refs.entries.len() == MOST {
                scope.put(batch, bucket);
            }
        }
    }
    for scope in scopes.scopes.iter_mut().filter(|scope| !scope.refs.entries.is_empty()) {
        scope.put(batch, bucket);
    }
}

/// A value of a run in a scope.
#[derive(Clone, Copy)]
struct Place {
    scope: usize,
    source: usize,
}

/// A value of a run in its tenant and in its lane.
#[derive(Clone, Copy)]
struct Places {
    /// The value's last position.
    until: Position,
    places: [Place; 2],
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
    /// The places of the value that holds a run's event at `position`.
    fn places(&mut self, key: &Bytes, run: &Run, position: Position) -> Places {
        let (tenant, stream) = keys::split(key).unwrap_or_default();
        let stream = key.slice_ref(stream.as_bytes());
        let value = run.values.partition_point(|last| *last < position);
        let value = run.values.get(value).copied().unwrap_or_default();
        let scopes = [keys::tenant(tenant, Position::ZERO), keys::lane(run.lane, tenant, Position::ZERO)];
        let places = scopes.map(|key| {
            let scope = *self.at.entry(key).or_insert_with_key(|key| {
                self.scopes.push(Scope { key: key.clone(), refs: Refs::default() });
                self.scopes.len() - 1
            });
            let sources = &mut self.scopes[scope].refs.sources;
            sources.push(Source { stream: stream.clone(), value });
            Place { scope, source: sources.len() - 1 }
        });
        Places { until: value, places }
    }
}

impl Scope {
    /// Puts what was gathered. The sources stay: what comes next may need them again.
    fn put(&mut self, batch: &mut OwnedWriteBatch, bucket: &Keyspace) {
        let mut key = self.key.clone();
        keys::place(&mut key, self.refs.last().unwrap_or_default());
        batch.insert(bucket, key, self.refs.encode());
        self.refs.entries.clear();
    }
}
