//! One subscription of a socket, between two looks at it.

use std::sync::Arc;

use headwater_broker::{Error, EventStream, Item};
use headwater_events::Scope;
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How many items are taken from the broker at once.
const BATCH: usize = 128;

/// A subscription, owned by whoever has it: the socket, or the future that waits for its items.
pub(super) struct Active {
    pub(super) id: String,
    pub(super) scope: Scope,
    pub(super) stream: EventStream,
    pub(super) gone: CancellationToken,
    /// When it is to be told that nothing came. What the caller does not see does not put it off: that would tell that
    /// something is there.
    pub(super) beat: Instant,
    /// Whether it still reads history, and then whether it is its turn.
    pub(super) history: Option<History>,
}

/// History waits for its turn, and keeps it to its end: its pages are large, and one socket has many subscriptions.
pub(super) enum History {
    Queued(Arc<Semaphore>),
    /// Given back when it is dropped.
    Turn {
        _held: OwnedSemaphorePermit,
    },
}

/// What a subscription has to tell.
pub(super) enum News {
    Items(Vec<Item>),
    /// Nothing came for a while: a fresh cursor.
    Quiet,
    Failed(Error),
    Over,
    Unsubscribed,
}

impl Active {
    /// Waits for news. Dropping the future drops the subscription.
    pub(super) async fn next(mut self) -> (Self, News) {
        let gone = self.gone.clone();
        let news = select! {
            biased;
            () = gone.cancelled() => News::Unsubscribed,
            () = sleep_until(self.beat) => News::Quiet,
            news = self.batch() => news,
        };
        (self, news)
    }

    async fn batch(&mut self) -> News {
        if let Some(History::Queued(turns)) = &self.history {
            match Arc::clone(turns).acquire_owned().await {
                Ok(held) => self.history = Some(History::Turn { _held: held }),
                // Nobody closes the turns of a socket that is there.
                Err(_) => return News::Over,
            }
        }
        match self.stream.next_batch(BATCH).await {
            Some(Ok(items)) => News::Items(items),
            Some(Err(error)) => News::Failed(error),
            None => News::Over,
        }
    }

    /// Takes note of items that were told: whether the caller saw one of them, and whether history is over.
    pub(super) fn told(&mut self, items: &[Item], visible: bool, next_beat: Instant) {
        if visible {
            self.beat = next_beat;
        }
        if items.iter().any(|item| matches!(item, Item::CaughtUp(_))) {
            self.history = None;
        }
    }
}
