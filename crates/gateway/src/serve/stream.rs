//! The streams of an HTTP/2 connection: each gives up on a peer that takes nothing of it.
//!
//! A stream whose window is full is not asked for its body any more, so that no timer inside the body runs; and the
//! socket is well, because other streams use it. What runs the stream therefore watches it from outside: while a
//! piece is handed over and the next one is not asked for, a timer runs. A stream that waits for events has none.

use std::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use hyper::{
    body::{Body as HttpBody, Frame, SizeHint},
    rt::Executor,
};
use metrics::Counter;
use tokio::time::{Instant, Sleep, sleep_until};

tokio::task_local! {
    /// Whether the peer has yet to take what this task's response handed over.
    static OWED: Cell<bool>;
}

/// Marks whether the peer owes. Outside of a watched stream, as in HTTP/1, there is nothing to mark.
fn mark(owed: bool) {
    let _ = OWED.try_with(|cell| cell.set(owed));
}

/// Runs each stream of a connection in a task of its own, and ends those that stand still. Dropping what a stream
/// runs resets it and frees its reader's seat.
#[derive(Clone)]
pub(super) struct Streams {
    /// How long the peer may take nothing.
    pub(super) patience: Duration,
    /// How long a stream may last that is never asked for its last piece.
    pub(super) lifetime: Option<Duration>,
    pub(super) counter: Counter,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let watched = Watched {
            stream: Box::pin(stream),
            patience: self.patience,
            last: self.lifetime.map(|lifetime| Instant::now() + lifetime + self.patience),
            timer: None,
            counter: self.counter.clone(),
        };
        tokio::spawn(OWED.scope(Cell::new(false), watched));
    }
}

/// One stream and the timer that runs while its peer owes.
struct Watched<F> {
    stream: Pin<Box<F>>,
    patience: Duration,
    last: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    counter: Counter,
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if self.stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if !OWED.with(Cell::get) {
            self.timer = None;
            return Poll::Pending;
        }
        if !due {
            // Woken by something else: the peer took some of it. However it goes on, the lifetime ends it.
            let next = Instant::now() + self.patience;
            let next = self.last.map_or(next, |last| next.min(last));
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
            timer.as_mut().reset(next);
            ready!(timer.as_mut().poll(cx));
        }
        self.counter.increment(1);
        Poll::Ready(())
    }
}

/// Makes a response say when its body is asked for.
pub(super) fn watched(response: Response) -> http::Response<Asked> {
    // The first piece is asked for only once the window has room for it.
    mark(true);
    response.map(|body| Asked { body, rest: Bytes::new() })
}

/// A body that marks when it is asked and what it gave. It gives little at a time: the next piece is asked for once
/// the window has taken the one before, which is how progress of a slow peer is seen.
pub(super) struct Asked {
    body: Body,
    rest: Bytes,
}

/// The most of a piece: one frame of HTTP/2, so that it costs none more.
const PIECE: usize = 16 * 1024;

impl Asked {
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(other)) => return Poll::Ready(Some(Ok(other))),
                None => return Poll::Ready(None),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = self.next(cx);
        mark(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}
