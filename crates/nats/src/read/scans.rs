//! Consumers of pages that have a next one.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use headwater_events::Position;
use headwater_store::{Error, Record};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::Scan;

/// So many are kept.
const KEPT: usize = 16;
/// So long, which is less than the server keeps them.
const FRESH: Duration = Duration::from_secs(5);

/// Where pages ended that have a next one: who reads on gets the consumer of the last page, which spares the making of
/// another. Who has read on once is read ahead for.
#[derive(Debug, Default)]
pub(crate) struct Scans(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    filter: String,
    next: Position,
    /// Another log has other positions.
    resets: u64,
    since: Instant,
    scan: Next,
}

/// What the next page is made of.
#[derive(Debug)]
pub(super) enum Next {
    /// A consumer that stands there.
    Scan(Scan),
    /// One that reads ahead.
    Ahead(Ahead),
}

/// Pages that are read ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    /// [`Link::deletions`](crate::link::Link::deletions) before anything was read.
    pub(super) deletions: u64,
    pub(super) parts: mpsc::Receiver<Part>,
    /// The consumer behind them.
    pub(super) scan: JoinHandle<Result<Scan, Error>>,
}

/// A page that was read ahead, or the last part of one.
#[derive(Debug)]
pub(super) struct Part {
    /// Each with its position; `None`: an entry of somebody else.
    pub(super) records: Vec<(u64, Option<Record>)>,
    /// How many there were behind it.
    pub(super) pending: u64,
}

impl Scans {
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was kept of a page of that filter that ended there.
    pub(super) fn take(&self, filter: &str, after: Position, resets: u64) -> Option<Next> {
        let mut kept = self.lock();
        let found = kept.iter().position(|kept| {
            kept.next == after
                && kept.resets == resets
                && kept.filter == filter
                && kept.since.elapsed() < FRESH
        })?;
        Some(kept.swap_remove(found).scan)
    }

    /// Keeps the consumer of a page that ended there; the server forgets those that nobody comes back for.
    pub(super) fn keep(&self, filter: &str, next: Position, resets: u64, scan: Next) {
        let mut kept = self.lock();
        kept.retain(|kept| kept.since.elapsed() < FRESH);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Kept { filter: filter.to_owned(), next, resets, since: Instant::now(), scan });
    }

    /// Forgets what was read ahead: something of it may have been deleted.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }
}
