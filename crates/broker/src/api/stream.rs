//! A subscription as it is read.

use std::{collections::VecDeque, fmt};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use headwater_events::Cursor;

use super::{Error, Item};

/// Where an [`EventStream`] gets its items: a reader of the local broker, or a connection to a remote one.
#[async_trait]
pub trait Source: Send + 'static {
    /// Waits until there is at least one item and appends what is ready to `out`, at most `max`. Returns `false`,
    /// with nothing appended, once the stream is over.
    ///
    /// Dropping the future loses nothing: items are taken only when they are handed over.
    async fn fill(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<bool, Error>;

    /// Everything up to here was handed over, filtered out, or told as a gap: where to resume. It moves on past
    /// events that the filter hides.
    fn cursor(&self) -> Cursor;
}

/// An ordered stream of items: history, then live.
///
/// After an `Err` or the end nothing more comes. Dropping it unsubscribes.
pub struct EventStream {
    source: Box<dyn Source>,
    ready: VecDeque<Item>,
    /// Where to resume behind the last item that was returned, while others are ready.
    place: Cursor,
    over: bool,
}

/// How many items are taken from the source at once where the caller does not say.
const BATCH: usize = 256;

impl EventStream {
    /// Wraps a source.
    #[must_use]
    pub fn new(source: impl Source) -> Self {
        Self::boxed(Box::new(source))
    }

    pub(crate) fn boxed(source: Box<dyn Source>) -> Self {
        let place = source.cursor();
        Self { source, ready: VecDeque::new(), place, over: false }
    }

    /// Waits for the next item; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Item, Error>> {
        match self.fill(BATCH).await {
            Ok(true) => {
                let item = self.ready.pop_front()?;
                self.place = item.cursor();
                Some(Ok(item))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Waits for at least one item and takes what is ready, at most `max`; `None` at the end. Dropping the future
    /// loses nothing.
    pub async fn next_batch(&mut self, max: usize) -> Option<Result<Vec<Item>, Error>> {
        match self.fill(max).await {
            Ok(true) => {
                // Most often it is all there is, and nothing has to be moved.
                let items: Vec<_> = if self.ready.len() <= max.max(1) {
                    std::mem::take(&mut self.ready).into()
                } else {
                    self.ready.drain(..max.max(1)).collect()
                };
                self.place = items.last().map_or(self.place.clone(), Item::cursor);
                Some(Ok(items))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Where to resume: everything up to here was returned, hidden by the filter, or told as a gap.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        // Items that wait here have not been returned.
        if self.ready.is_empty() { self.source.cursor() } else { self.place.clone() }
    }

    /// The same as a [`futures_util::Stream`].
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<Item, Error>> {
        Box::pin(stream::unfold(self, |mut this| async move { this.next().await.map(|item| (item, this)) }))
    }

    async fn fill(&mut self, max: usize) -> Result<bool, Error> {
        if !self.ready.is_empty() {
            return Ok(true);
        }
        if self.over {
            return Ok(false);
        }
        self.place = self.source.cursor();
        let filled = self.source.fill(&mut self.ready, max.max(1)).await;
        self.over = !matches!(filled, Ok(true));
        filled
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("cursor", &self.cursor().to_string()).finish_non_exhaustive()
    }
}
