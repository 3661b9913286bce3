//! What the writer has done.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the writer has done since the log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// How many batches were committed.
    pub commits: u64,
    /// How many of them, or of the syncs between them, waited for the disk.
    pub fsyncs: u64,
    /// How many events were stored.
    pub events: u64,
    /// How many encoded bytes they had.
    pub bytes: u64,
    /// How many events were duplicates.
    pub duplicates: u64,
    /// How many times the database was closed and opened again after an error.
    pub reopened: u64,
    /// How many events of deleted streams were cleared away one by one.
    pub cleared: u64,
    /// How many buckets were dropped whole.
    pub dropped_buckets: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) fsyncs: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) reopened: AtomicU64,
    pub(crate) cleared: AtomicU64,
    pub(crate) dropped_buckets: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: get(&self.commits),
            fsyncs: get(&self.fsyncs),
            events: get(&self.events),
            bytes: get(&self.bytes),
            duplicates: get(&self.duplicates),
            reopened: get(&self.reopened),
            cleared: get(&self.cleared),
            dropped_buckets: get(&self.dropped_buckets),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
