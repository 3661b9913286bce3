//! Streams in which something may be new.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use headwater_events::StreamName;
use tokio::sync::Notify;

/// A set of streams that wait to be copied.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    set: Mutex<Set>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Set {
    streams: HashSet<StreamName>,
    all: bool,
}

impl Dirty {
    /// Something may be new in a stream.
    pub(crate) fn add(&self, stream: StreamName) {
        if self.lock().streams.insert(stream) {
            self.changed.notify_one();
        }
    }

    /// Something may be new anywhere.
    pub(crate) fn add_all(&self) {
        self.lock().all = true;
        self.changed.notify_one();
    }

    /// Takes whether something may be new anywhere.
    pub(crate) fn take_all(&self) -> bool {
        std::mem::take(&mut self.lock().all)
    }

    /// Takes one stream that is not among `busy`.
    pub(crate) fn take(&self, busy: &HashSet<StreamName>) -> Option<StreamName> {
        let mut set = self.lock();
        let found = set.streams.iter().find(|stream| !busy.contains(*stream)).cloned()?;
        set.streams.take(&found)
    }

    /// Waits until something was added.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
