//! One subscription of a socket, between two looks at it.

use std::time::Duration;

use headwater_broker::{Error, EventStream, Item};
use headwater_events::Scope;
use tokio::{select, time::sleep};
use tokio_util::sync::CancellationToken;

/// How many items are taken from the broker at once.
const BATCH: usize = 128;

/// A subscription, owned by whoever has it: the socket, or the future that waits for its items.
pub(super) struct Active {
    pub(super) id: String,
    pub(super) scope: Scope,
    pub(super) stream: EventStream,
    pub(super) gone: CancellationToken,
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
    pub(super) async fn next(mut self, heartbeat: Duration) -> (Self, News) {
        let news = select! {
            biased;
            () = self.gone.cancelled() => News::Unsubscribed,
            batch = self.stream.next_batch(BATCH) => match batch {
                Some(Ok(items)) => News::Items(items),
                Some(Err(error)) => News::Failed(error),
                None => News::Over,
            },
            () = sleep(heartbeat) => News::Quiet,
        };
        (self, news)
    }
}
