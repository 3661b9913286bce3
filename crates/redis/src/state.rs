//! The table of state: one hash, and its keys in order beside it.

use async_trait::async_trait;
use bytes::Bytes;
use headwater_store::{Error, StateEntry, StateStore, Version, state};
use redis::Value;

use crate::{RedisStore, reply, script};

#[async_trait]
impl StateStore for RedisStore {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        // The key itself, and nothing behind it.
        let exact = format!("[{key}");
        Ok(self.entries(&exact, &exact, 1).await?.pop())
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        self.open()?;
        state::check(key, &value)?;
        self.write(key, expected, "put", &value).await
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        self.open()?;
        self.write(key, Some(expected), "delete", &[]).await.map(drop)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        let from = match after {
            Some(after) if after >= prefix => format!("({after}"),
            _ if prefix.is_empty() => "-".to_owned(),
            _ => format!("[{prefix}"),
        };
        let mut to = b"(".to_vec();
        to.extend_from_slice(prefix.as_bytes());
        match to.last_mut() {
            // No byte of a text is the largest there is.
            Some(last) if !prefix.is_empty() => *last += 1,
            _ => to = b"+".to_vec(),
        }
        self.entries_between(from.as_bytes(), &to, limit).await
    }
}

impl RedisStore {
    async fn entries(&self, from: &str, to: &str, limit: usize) -> Result<Vec<StateEntry>, Error> {
        self.entries_between(from.as_bytes(), to.as_bytes(), limit).await
    }

    async fn entries_between(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<StateEntry>, Error> {
        let link = self.open()?;
        let limit = limit.to_string();
        let mut found =
            reply::array(link.read(&script::STATE_LIST, &[from, to, limit.as_bytes()]).await?)?.into_iter();
        let mut entries = Vec::new();
        while let (Some(key), Some(value)) = (found.next(), found.next()) {
            let value = reply::bytes(value)?;
            let space = value.iter().position(|byte| *byte == b' ').ok_or_else(reply::strange)?;
            let version = reply::number(&Value::BulkString(value[..space].to_vec()))?;
            entries.push(StateEntry {
                key: reply::text(key)?,
                value: value.slice(space + 1..),
                version: Version(version),
            });
        }
        Ok(entries)
    }

    async fn write(
        &self,
        key: &str,
        expected: Option<Version>,
        what: &str,
        value: &[u8],
    ) -> Result<Version, Error> {
        let version = expected.map_or_else(String::new, |version| version.0.to_string());
        let args = [key.as_bytes(), version.as_bytes(), what.as_bytes(), value];
        let [done, version] = reply::parts(self.open()?.write(&script::STATE_PUT, &args).await?)?;
        let version = reply::number(&version)?;
        if reply::number(&done)? == 1 {
            return Ok(Version(version));
        }
        Err(Error::Conflict { expected, found: (version > 0).then_some(Version(version)) })
    }
}
