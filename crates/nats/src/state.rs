//! The table of state.

use async_trait::async_trait;
use bytes::Bytes;
use headwater_store::{Error, StateEntry, StateStore, Version, state};

use crate::{
    names::{name, token},
    store::NatsStore,
    table::Value,
};

/// A key as subject: each part between slashes is a token, so that the server can look for a prefix.
fn subject(root: &str, key: &str) -> String {
    let mut subject = format!("{root}.s");
    for part in key.split('/') {
        subject.push('.');
        subject.push_str(&token(part));
    }
    subject
}

/// The key that a subject stands for.
fn key(root: &str, subject: &str) -> Option<String> {
    let rest = subject.strip_prefix(root)?.strip_prefix(".s.")?;
    let parts: Option<Vec<_>> = rest.split('.').map(name).collect();
    Some(parts?.join("/"))
}

/// A filter that lets all keys with the prefix through, and as few others as can be said.
fn filter(root: &str, prefix: &str) -> String {
    // The last part may go on behind the prefix.
    let whole = prefix.rsplit_once('/').map_or("", |(whole, _)| whole);
    if whole.is_empty() && !prefix.starts_with('/') {
        format!("{root}.s.>")
    } else {
        format!("{}.>", subject(root, whole))
    }
}

fn entry(key: &str, value: Value) -> Option<StateEntry> {
    let version = Version(value.revision);
    value.bytes.map(|value| StateEntry { key: key.to_owned(), value, version })
}

impl NatsStore {
    async fn conflict(&self, subject: &str, expected: Option<Version>) -> Result<Error, Error> {
        let found = self.link().value(subject).await?;
        let found = found.filter(|value| value.bytes.is_some()).map(|value| Version(value.revision));
        Ok(Error::Conflict { expected, found })
    }
}

#[async_trait]
impl StateStore for NatsStore {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        let link = self.link();
        link.open_or()?;
        if state::check(key, &[]).is_err() {
            return Ok(None);
        }
        let value = link.value(&subject(&link.names.keys, key)).await?;
        Ok(value.and_then(|value| entry(key, value)))
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        let link = self.link();
        link.open_or()?;
        state::check(key, &value)?;
        let subject = subject(&link.names.keys, key);
        // What was deleted leaves a mark, which is what the next write stands on.
        for _ in 0..3 {
            let last = match expected {
                Some(version) => version.0,
                None => match link.value(&subject).await? {
                    None => 0,
                    Some(Value { revision, bytes: None, .. }) => revision,
                    Some(value) => {
                        return Err(Error::Conflict { expected, found: Some(Version(value.revision)) });
                    }
                },
            };
            if let Some(revision) = link.write(&subject, Some(value.clone()), last, None).await? {
                return Ok(Version(revision));
            }
            let conflict = self.conflict(&subject, expected).await?;
            if !matches!(conflict, Error::Conflict { expected: None, found: None }) {
                return Err(conflict);
            }
        }
        Err(link.unavailable("a key is made and deleted at once by others"))
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        let link = self.link();
        link.open_or()?;
        let subject = subject(&link.names.keys, key);
        // The mark of a deletion is no value that one could delete.
        let found = link.value(&subject).await?;
        let is_there = found.is_some_and(|value| value.bytes.is_some() && value.revision == expected.0);
        if is_there && link.write(&subject, None, expected.0, None).await?.is_some() {
            return Ok(());
        }
        Err(self.conflict(&subject, Some(expected)).await?)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        let link = self.link();
        link.open_or()?;
        let root = &link.names.keys;
        let mut entries: Vec<_> = link
            .values(&filter(root, prefix))
            .await?
            .into_iter()
            .filter_map(|value| entry(&key(root, &value.subject)?, value))
            .filter(|entry| {
                entry.key.starts_with(prefix) && after.is_none_or(|after| entry.key.as_str() > after)
            })
            .collect();
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        entries.truncate(limit);
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_and_filters_let_their_prefix_through() {
        for text in ["k", "a/b", "a//b", "/", "a/", "/a", "p/é", "p/*", "p/ x", "p.q/>"] {
            let subject = subject("$KV.b", text);
            assert_eq!(key("$KV.b", &subject).as_deref(), Some(text), "{subject}");
            for (end, _) in text.char_indices() {
                let filter = filter("$KV.b", &text[..end]);
                let through = subject.starts_with(filter.strip_suffix('>').unwrap());
                assert!(through, "{filter} keeps {subject}");
            }
        }
    }
}
