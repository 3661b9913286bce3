//! The small table of state.

use async_trait::async_trait;
use bytes::Bytes;

use crate::Error;

/// The version of a state value: changes with every write, never comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// A state value with its key and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Bytes,
    /// Its version.
    pub version: Version,
}

/// Small values under short keys, with compare-and-set: leases, marks of groups, indexes of entities.
///
/// * Keys are 1 to 512 bytes of text without control characters; values are at most 64 KiB. Writing others fails with
///   [`Error::Unsupported`] (see [`check`]).
/// * A write is durable when the call returns, as an append is, and every later read sees it.
/// * Dropping a call's future leaves the outcome unknown: the write happens or not.
#[async_trait]
pub trait StateStore: Send + Sync + 'static {
    /// The value under `key`, if there is one.
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error>;

    /// Writes `value` if the present version is `expected` (`None`: if there is no value), and gives the new version.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the version there is.
    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error>;

    /// Deletes the value if the present version is `expected`.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the version there is; deleting what is not there is a conflict too.
    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error>;

    /// The entries whose keys start with `prefix`, after the key `after`, in order of their bytes, at most `limit`.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error>;
}

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// The largest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Whether a key and a value are what every store takes: each calls this before it writes.
///
/// # Errors
/// [`Error::Unsupported`] says what is wrong.
pub fn check(key: &str, value: &[u8]) -> Result<(), Error> {
    let what = if key.is_empty() || key.len() > MAX_KEY_BYTES {
        "state keys that are not 1 to 512 bytes long"
    } else if key.chars().any(char::is_control) {
        "state keys with control characters"
    } else if value.len() > MAX_VALUE_BYTES {
        "state values over 64 KiB"
    } else {
        return Ok(());
    };
    Err(Error::Unsupported { what: what.into() })
}
