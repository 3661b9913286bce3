//! The body of one streaming response.
//!
//! It pulls: the connection asks for the next piece when its socket has room, and everything that is ready then goes
//! into one piece. Between pieces a reader is a subscription, a timer and a few words.

use std::{convert::Infallible, pin::Pin, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use headwater_broker::{EventStream, Item};
use tokio::{
    select,
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::frame::{self, Style};
use crate::{
    app::{App, Seat},
    identity::Vigil,
    problem::Problem,
};

/// How many items are taken from the broker at once.
const BATCH: usize = 128;

/// One reader of a stream.
pub(crate) struct Reader {
    stream: EventStream,
    style: Style,
    /// Taken from the broker, not yet written; in reverse, so that the next one is last.
    waiting: Vec<Item>,
    state: State,
    /// History was written: what follows is shared with the other readers of the stream.
    live: bool,
    clock: Clock,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    seat: Seat,
    vigil: Vigil,
}

enum State {
    /// Nothing was written.
    New,
    /// The opening block was written.
    Open,
    /// The last block was written.
    Over,
}

/// What happened while the reader waited.
enum Wake {
    Items(Vec<Item>),
    Failed(headwater_broker::Error),
    Refused(Problem),
    Ended,
    Tick,
    Draining,
}

impl Reader {
    pub(crate) fn new(seat: Seat, vigil: Vigil, stream: EventStream, style: Style) -> Self {
        let draining = Box::pin(seat.app().draining.clone().cancelled_owned());
        let clock = Clock::new(seat.app());
        Self {
            stream,
            style,
            waiting: Vec::new(),
            state: State::New,
            live: false,
            clock,
            draining,
            seat,
            vigil,
        }
    }

    /// The response's body.
    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut reader| async move {
            let piece = reader.piece().await?;
            reader.seat.app().meters.bytes_out.increment(piece.len() as u64);
            Some((Ok::<_, Infallible>(piece), reader))
        }))
    }

    /// The next piece, or the end.
    async fn piece(&mut self) -> Option<Bytes> {
        match self.state {
            State::Over => return None,
            State::New => {
                self.state = State::Open;
                return Some(frame::opening(Some(&self.stream.cursor()), self.app().config.retry_ms));
            }
            State::Open => {}
        }
        while self.waiting.is_empty() {
            match self.wake().await {
                Wake::Items(mut items) => {
                    items.reverse();
                    if !self.vigil.caller().sees_all() {
                        items.retain(|item| self.vigil.caller().sees_item(item));
                    }
                    // What is hidden is no sign of life: it would tell that something is there.
                    if !items.is_empty() {
                        self.clock.delivered();
                    }
                    self.waiting = items;
                }
                Wake::Tick if !self.clock.is_over() => {
                    return Some(frame::heartbeat(&self.stream.cursor()));
                }
                Wake::Tick | Wake::Draining | Wake::Ended => {
                    self.state = State::Over;
                    return Some(frame::farewell(&self.stream.cursor(), self.app().config.retry_ms));
                }
                Wake::Failed(error) => return Some(self.fail(&Problem::from(error))),
                Wake::Refused(problem) => return Some(self.fail(&problem)),
            }
        }
        Some(self.write())
    }

    /// The last block, where the response ends with a problem.
    fn fail(&mut self, problem: &Problem) -> Bytes {
        self.state = State::Over;
        let cursor = self.stream.cursor();
        let mut block = frame::error(problem, Some(&cursor)).to_vec();
        block.extend_from_slice(&frame::farewell(&cursor, self.app().config.retry_ms));
        Bytes::from(block)
    }

    async fn wake(&mut self) -> Wake {
        select! {
            biased;
            () = self.draining.as_mut() => Wake::Draining,
            // Before the items too: what was allowed a moment ago is not sent now.
            problem = self.vigil.ended() => Wake::Refused(problem),
            // Before the items: a stream that is never quiet has heartbeats and an end too.
            () = self.clock.tick() => Wake::Tick,
            batch = self.stream.next_batch(BATCH) => match batch {
                Some(Ok(items)) => Wake::Items(items),
                Some(Err(error)) => Wake::Failed(error),
                None => Wake::Ended,
            },
        }
    }

    /// The frames of what is waiting, as far as one write may go.
    fn write(&mut self) -> Bytes {
        let most = self.app().config.max_write_bytes;
        let mut out = Vec::new();
        let mut frames = 0;
        while let Some(item) = self.waiting.pop() {
            frames += 1;
            match &item {
                Item::Gap(gap) => self.app().meters.gap(gap.reason.as_str()),
                Item::CaughtUp(_) => self.live = true,
                Item::End(_) => {
                    self.state = State::Over;
                    self.waiting.clear();
                }
                Item::Event(_) => {}
            }
            match self.live.then(|| self.style.shared(&item)).flatten() {
                // A single event: its frame goes out as it is, without a copy.
                Some(frame) if out.is_empty() && self.waiting.is_empty() => {
                    self.app().meters.frames_out.increment(1);
                    return frame;
                }
                Some(frame) => out.extend_from_slice(&frame),
                None => self.style.append(&mut out, &item),
            }
            if out.len() >= most {
                break;
            }
        }
        if self.waiting.is_empty() {
            // A reader that has caught up keeps no memory for the next rush.
            self.waiting = Vec::new();
        }
        self.app().meters.frames_out.increment(frames);
        Bytes::from(out)
    }

    fn app(&self) -> &App {
        self.seat.app()
    }
}

/// When a reader hears a heartbeat, and when its response has lasted long enough.
struct Clock {
    sleep: Pin<Box<Sleep>>,
    heartbeat: Duration,
    /// When the response ends whatever happens.
    last: Option<Instant>,
    /// How long nothing may be delivered.
    idle: Option<Duration>,
    delivered: Instant,
}

impl Clock {
    fn new(app: &App) -> Self {
        let now = Instant::now();
        let config = &app.config;
        let last = app.last_moment(now);
        let idle = (config.reader_idle_ms > 0).then(|| Duration::from_millis(config.reader_idle_ms));
        let mut clock = Self {
            sleep: Box::pin(sleep_until(now)),
            heartbeat: config.heartbeat(),
            last,
            idle,
            delivered: now,
        };
        clock.wind(now);
        clock
    }

    /// Waits for the next heartbeat or the end, whichever comes first. Dropping the future loses nothing.
    async fn tick(&mut self) {
        self.sleep.as_mut().await;
        self.wind(Instant::now());
    }

    fn delivered(&mut self) {
        if self.idle.is_some() {
            self.delivered = Instant::now();
        }
    }

    fn is_over(&self) -> bool {
        let now = Instant::now();
        self.last.is_some_and(|last| now >= last)
            || self.idle.is_some_and(|idle| now >= self.delivered + idle)
    }

    fn wind(&mut self, now: Instant) {
        let mut next = now + self.heartbeat;
        if let Some(last) = self.last {
            next = next.min(last);
        }
        if let Some(idle) = self.idle {
            next = next.min((self.delivered + idle).max(now + Duration::from_millis(1)));
        }
        self.sleep.as_mut().reset(next);
    }
}
