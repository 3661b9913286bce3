//! The table of state.

use std::{collections::BTreeMap, ops::Bound, sync::PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::MemoryStore;
use crate::{Error, StateEntry, StateStore, Version, state};

#[derive(Default)]
pub(super) struct State {
    values: BTreeMap<String, (Bytes, Version)>,
    last: u64,
}

impl State {
    fn expect(&self, key: &str, expected: Option<Version>) -> Result<(), Error> {
        let found = self.values.get(key).map(|(_, version)| *version);
        if found == expected { Ok(()) } else { Err(Error::Conflict { expected, found }) }
    }
}

impl MemoryStore {
    fn with_state<T>(&self, work: impl FnOnce(&mut State) -> Result<T, Error>) -> Result<T, Error> {
        if self.locked().is_closed() {
            return Err(Error::Closed);
        }
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        self.with_state(|state| Ok(state.values.get_key_value(key).map(entry)))
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        state::check(key, &value)?;
        self.with_state(|state| {
            state.expect(key, expected)?;
            state.last += 1;
            let version = Version(state.last);
            // A copy, so that a small slice does not keep a large buffer alive.
            state.values.insert(key.to_owned(), (Bytes::copy_from_slice(&value), version));
            Ok(version)
        })
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        self.with_state(|state| {
            state.expect(key, Some(expected))?;
            state.values.remove(key);
            Ok(())
        })
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        self.with_state(|state| {
            let start = match after {
                Some(after) if after >= prefix => Bound::Excluded(after),
                _ => Bound::Included(prefix),
            };
            let rest = state.values.range::<str, _>((start, Bound::Unbounded));
            Ok(rest.take_while(|(key, _)| key.starts_with(prefix)).take(limit).map(entry).collect())
        })
    }
}

fn entry((key, (value, version)): (&String, &(Bytes, Version))) -> StateEntry {
    StateEntry { key: key.clone(), value: value.clone(), version: *version }
}
