//! A subscription as it is read.

mod blocking;
mod lag;
mod polled;

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{
    Stream,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use headwater_events::Cursor;

use super::{Error, Item};
pub use blocking::BlockingEvents;
pub use lag::Lag;
pub use polled::Polled;

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

    /// How far the reader is behind what has been published. A source that cannot tell says [`Lag::Unknown`].
    fn lag(&self) -> Lag {
        Lag::Unknown
    }
}

/// An ordered stream of items: history, then live.
///
/// It is read with [`EventStream::next`] and its kin, as a [`futures_util::Stream`], or from a thread
/// ([`EventStream::into_blocking_iter`]). After an `Err` or the end nothing more comes. Dropping it unsubscribes.
pub struct EventStream {
    /// Away while `filling` has it.
    source: Option<Box<dyn Source>>,
    /// A fill that was polled without being awaited: it is not begun again, so that it comes to its end.
    filling: Option<BoxFuture<'static, Filled>>,
    ready: VecDeque<Item>,
    /// Where to resume behind the last item that was returned, while others are ready.
    place: Cursor,
    over: bool,
}

struct Filled {
    source: Box<dyn Source>,
    ready: VecDeque<Item>,
    outcome: Result<bool, Error>,
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
        Self { source: Some(source), filling: None, ready: VecDeque::new(), place, over: false }
    }

    /// Waits for the next item; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Item, Error>> {
        match self.fill(BATCH).await {
            Ok(true) => self.pop().map(Ok),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Waits for at least one item and takes what is ready, at most `max`; `None` at the end. Dropping the future
    /// loses nothing.
    pub async fn next_batch(&mut self, max: usize) -> Option<Result<Vec<Item>, Error>> {
        let max = max.max(1);
        match self.fill(max).await {
            Ok(true) => {
                // Most often it is all there is, and nothing has to be moved.
                let items: Vec<_> = if self.ready.len() <= max {
                    std::mem::take(&mut self.ready).into()
                } else {
                    self.ready.drain(..max).collect()
                };
                self.place = items.last().map_or(self.place.clone(), Item::cursor);
                Some(Ok(items))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Waits for the next item, at most for `timeout` in all. [`Polled::Idle`] says that nothing came, which is not
    /// the end.
    pub async fn next_timeout(&mut self, timeout: Duration) -> Polled {
        match tokio::time::timeout(timeout, self.next()).await {
            Ok(next) => next.into(),
            Err(_) => Polled::Idle,
        }
    }

    /// The next item if it is there, without waiting and without async. What it begins to read in the background
    /// goes on with the next call.
    pub fn try_recv(&mut self) -> Polled {
        match self.poll_item(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(next) => next.into(),
            Poll::Pending => Polled::Idle,
        }
    }

    /// Where to resume: everything up to here was returned, hidden by the filter, or told as a gap. While
    /// [`EventStream::try_recv`] or the [`Stream`] is reading it does not move past hidden events.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        match &self.source {
            // Items that wait here have not been returned.
            Some(source) if self.ready.is_empty() => source.cursor(),
            _ => self.place.clone(),
        }
    }

    /// How far this reader is behind what has been published.
    #[must_use]
    pub fn lag(&self) -> Lag {
        let waiting = self.ready.len() as u64;
        self.source.as_ref().map_or(Lag::Unknown, |source| source.lag()).and(waiting)
    }

    /// The same as a boxed [`Stream`].
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<Item, Error>> {
        Box::pin(stream::unfold(self, |mut this| async move { this.next().await.map(|item| (item, this)) }))
    }

    /// The same for a thread that may wait, such as that of a command line: an iterator of items. `runtime` is where
    /// the subscription was made; it must have threads of its own.
    #[must_use]
    pub fn into_blocking_iter(self, runtime: &tokio::runtime::Handle) -> BlockingEvents {
        BlockingEvents::new(self, runtime.clone())
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.ready.pop_front()?;
        self.place = item.cursor();
        Some(item)
    }

    async fn fill(&mut self, max: usize) -> Result<bool, Error> {
        if self.filling.is_some() && self.ready.is_empty() {
            return poll_fn(|cx| self.poll_fill(cx)).await;
        }
        let Some(source) = self.source.as_mut().filter(|_| !self.over && self.ready.is_empty()) else {
            return Ok(!self.ready.is_empty());
        };
        self.place = source.cursor();
        let filled = source.fill(&mut self.ready, max.max(1)).await;
        self.over = !matches!(filled, Ok(true));
        filled
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if !self.ready.is_empty() || self.over {
            return Poll::Ready(Ok(!self.ready.is_empty()));
        }
        if let Some(mut source) = self.source.take() {
            self.place = source.cursor();
            self.filling = Some(Box::pin(async move {
                let mut ready = VecDeque::new();
                let outcome = source.fill(&mut ready, BATCH).await;
                Filled { source, ready, outcome }
            }));
        }
        let Some(filling) = &mut self.filling else { return Poll::Ready(Ok(false)) };
        let Filled { source, ready, outcome } = std::task::ready!(filling.as_mut().poll(cx));
        self.filling = None;
        self.source = Some(source);
        self.ready = ready;
        self.over = !matches!(outcome, Ok(true));
        Poll::Ready(outcome)
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Item, Error>>> {
        Poll::Ready(match std::task::ready!(self.poll_fill(cx)) {
            Ok(true) => self.pop().map(Ok),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl Stream for EventStream {
    type Item = Result<Item, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("cursor", &self.cursor().to_string()).finish_non_exhaustive()
    }
}
