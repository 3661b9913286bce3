//! The table of state.

use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use fjall::Readable;
use headwater_store::{Error, StateEntry, StateStore, Version, state};

use crate::{
    EmbeddedStore, codec::Reader, engine::storage, read::Reading, shared::Shared, writer::request::Request,
};

#[async_trait]
impl StateStore for EmbeddedStore {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        let key = key.to_owned();
        self.read_with(move |shared| {
            let (tail, view) = shared.tail_and_view()?;
            let value = Reading::new(&view, tail).get(&view.engine.state, key.as_bytes())?;
            value.map(|value| entry(key.clone(), &Bytes::from(value))).transpose()
        })
        .await
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        state::check(key, &value)?;
        let key = key.to_owned();
        self.ask(|reply| Request::Put { key, value, expected, reply }).await
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        let key = key.to_owned();
        self.ask(|reply| Request::Delete { key, expected, reply }).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.read_with(move |shared| list(shared, &prefix, after.as_deref(), limit)).await
    }
}

fn list(shared: &Shared, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
    let (tail, view) = shared.tail_and_view()?;
    let reading = Reading::new(&view, tail);
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after.as_bytes()),
        _ => Bound::Included(prefix.as_bytes()),
    };
    let mut entries = Vec::new();
    for stored in
        reading.snapshot.range::<&[u8], _>(&view.engine.state, (start, Bound::Unbounded)).take(limit)
    {
        let (key, value) = stored.into_inner().map_err(storage)?;
        if !key.starts_with(prefix.as_bytes()) {
            break;
        }
        let key =
            String::from_utf8(key.to_vec()).map_err(|_| Error::corrupt(None, "a state key is not text"))?;
        entries.push(entry(key, &Bytes::from(value))?);
    }
    Ok(entries)
}

fn entry(key: String, stored: &Bytes) -> Result<StateEntry, Error> {
    let version = Version(Reader::new(stored, "a state value").u64()?);
    Ok(StateEntry { key, value: stored.slice(8..), version })
}
