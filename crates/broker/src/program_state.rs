//! The part of the table of state that belongs to programs.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use headwater_store::{Error, StateEntry, StateStore, Store, Version};

/// What all keys of programs begin with.
const PREFIX: &str = "p/";

/// A table of state in which programs see only what is theirs.
pub(crate) struct ProgramState(Arc<dyn Store>);

impl ProgramState {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

fn inside(key: &str) -> String {
    format!("{PREFIX}{key}")
}

fn outside(mut entry: StateEntry) -> StateEntry {
    entry.key.drain(..PREFIX.len());
    entry
}

#[async_trait]
impl StateStore for ProgramState {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        Ok(self.0.get(&inside(key)).await?.map(outside))
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        self.0.put(&inside(key), value, expected).await
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        self.0.delete(&inside(key), expected).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        let after = after.map(inside);
        let entries = self.0.list(&inside(prefix), after.as_deref(), limit).await?;
        Ok(entries.into_iter().map(outside).collect())
    }
}
