//! Reading from a thread that may wait.

use std::{collections::VecDeque, fmt, time::Duration};

use tokio::runtime::Handle;

use super::{BATCH, Error, EventStream, Item, Polled};

/// The items of an [`EventStream`] for a thread that may wait. It takes what is ready in one go, so that it is as fast
/// as reading with async.
///
/// # Panics
/// Its methods panic where they are called in async code: there, waiting would hold up everybody else. Use a thread
/// of your own or `tokio::task::spawn_blocking`.
pub struct BlockingEvents {
    events: EventStream,
    ready: VecDeque<Item>,
    runtime: Handle,
    over: bool,
}

impl BlockingEvents {
    pub(super) fn new(events: EventStream, runtime: Handle) -> Self {
        Self { events, ready: VecDeque::new(), runtime, over: false }
    }

    /// Waits for the next item, at most for `timeout` in all.
    pub fn next_timeout(&mut self, timeout: Duration) -> Polled {
        if let Some(item) = self.ready.pop_front() {
            return Polled::Ready(Ok(item));
        }
        let Self { events, runtime, .. } = self;
        runtime.block_on(async { events.next_timeout(timeout).await })
    }

    /// The next item if it is there, without waiting.
    pub fn try_recv(&mut self) -> Polled {
        if let Some(item) = self.ready.pop_front() {
            return Polled::Ready(Ok(item));
        }
        let _inside = self.runtime.enter();
        self.events.try_recv()
    }
}

impl Iterator for BlockingEvents {
    type Item = Result<Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.ready.pop_front() {
            return Some(Ok(item));
        }
        if self.over {
            return None;
        }
        match self.runtime.block_on(self.events.next_batch(BATCH)) {
            Some(Ok(items)) => {
                self.ready = items.into();
                self.ready.pop_front().map(Ok)
            }
            Some(Err(error)) => {
                self.over = true;
                Some(Err(error))
            }
            None => {
                self.over = true;
                None
            }
        }
    }
}

impl fmt::Debug for BlockingEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingEvents").field("events", &self.events).finish_non_exhaustive()
    }
}
