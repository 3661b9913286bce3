//! The open database.

use std::{panic::catch_unwind, path::Path};

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use headwater_store::Error;

/// The database and the keyspaces that are not buckets.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) db: Database,
    /// What the log knows of itself.
    pub(crate) meta: Keyspace,
    /// One record for each run.
    pub(crate) runs: Keyspace,
    /// Runs that have ended, in the order of their ends.
    pub(crate) ended: Keyspace,
    /// Runs that were taken whole: up to where, and why.
    pub(crate) gone: Keyspace,
    /// The state store.
    pub(crate) state: Keyspace,
}

impl Engine {
    /// Opens the database in `folder`, or makes a new one.
    pub(crate) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, fjall::Error> {
        // Damage in the journal makes the database panic in places where it should give an error.
        catch_unwind(|| Self::open_or_panic(folder, cache_bytes)).unwrap_or(Err(fjall::Error::Unrecoverable))
    }

    fn open_or_panic(folder: &Path, cache_bytes: u64) -> Result<Self, fjall::Error> {
        let db = Database::builder(folder)
            .manual_journal_persist(true)
            .cache_size(cache_bytes)
            .max_journaling_size(256 * 1024 * 1024)
            .open()?;
        let small = || {
            KeyspaceCreateOptions::default().manual_journal_persist(true).max_memtable_size(8 * 1024 * 1024)
        };
        Ok(Self {
            meta: db.keyspace("meta", small)?,
            runs: db.keyspace("runs", small)?,
            ended: db.keyspace("ended", small)?,
            gone: db.keyspace("gone", small)?,
            state: db.keyspace("state", small)?,
            db,
        })
    }
}

/// What an error of the database means to the caller of a read.
#[allow(clippy::needless_pass_by_value)]
pub(crate) fn storage(error: fjall::Error) -> Error {
    match &error {
        fjall::Error::Storage(
            fjall::LsmError::ChecksumMismatch { .. }
            | fjall::LsmError::InvalidTag(_)
            | fjall::LsmError::InvalidTrailer
            | fjall::LsmError::InvalidHeader(_)
            | fjall::LsmError::Decompress(_)
            | fjall::LsmError::Unrecoverable,
        )
        | fjall::Error::JournalRecovery(_)
        | fjall::Error::InvalidTag(_)
        | fjall::Error::InvalidTrailer
        | fjall::Error::Decompress(_)
        | fjall::Error::Unrecoverable => Error::corrupt(None, error),
        _ => Error::unavailable(error),
    }
}
