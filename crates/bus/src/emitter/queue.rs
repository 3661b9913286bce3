//! What waits to be published: bounded, in the order of admission.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use headwater_broker::Published;
use headwater_events::Event;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{EmitterError, StoreState, WhenFull};

/// What becomes of an event whose caller waits for it.
pub(super) type Answer = oneshot::Sender<Result<Published, EmitterError>>;

/// One thing in the queue.
#[derive(Debug)]
pub(super) enum Entry {
    /// An event, and who waits for it.
    Event(Event, Option<Answer>),
    /// Events that were left out here.
    Left(Left),
    /// Somebody waits until everything before is stored.
    Flush(oneshot::Sender<()>),
}

/// Events of one stream that were left out.
#[derive(Debug)]
pub(super) struct Left {
    /// The first of them.
    pub(super) first: Event,
    pub(super) count: u64,
    pub(super) reason: String,
    /// Whether all are of one type.
    pub(super) one_type: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something to publish.
    filled: Notify,
    /// Room, or the end.
    room: Notify,
    capacity: usize,
    when_full: WhenFull,
}

#[derive(Debug, Default)]
pub(super) struct State {
    entries: VecDeque<Entry>,
    /// Events in the queue and on their way into the log.
    events: usize,
    closed: bool,
    /// A wait for room was in vain, and there has been none since.
    stalled: bool,
    pub(super) dropped: u64,
    pub(super) refused: u64,
    pub(super) spooled_bytes: u64,
    pub(super) store: StoreState,
}

/// How many streams are told of at one place in the queue what was left out of them; others are only counted.
const MAX_LEFT: usize = 64;

impl Queue {
    pub(super) fn new(capacity: usize, when_full: WhenFull) -> Self {
        Self {
            state: Mutex::default(),
            filled: Notify::new(),
            room: Notify::new(),
            capacity: capacity.max(1),
            when_full,
        }
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Admits an event or says why not, without waiting. A refused event is given back.
    pub(super) fn admit(
        &self,
        event: Event,
        answer: Option<Answer>,
    ) -> Result<(), (Event, Option<Answer>, EmitterError)> {
        let mut state = self.state();
        if state.closed {
            return Err((event, answer, EmitterError::Closed));
        }
        if state.events >= self.capacity {
            let error = state.full();
            return Err((event, answer, error));
        }
        state.events += 1;
        state.stalled = false;
        state.entries.push_back(Entry::Event(event, answer));
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// As [`Queue::admit`] by the policy of this queue, without waiting.
    pub(super) fn emit(&self, event: Event) -> Result<(), EmitterError> {
        match self.admit(event, None) {
            Ok(()) => Ok(()),
            Err((event, _, EmitterError::Backpressure { .. })) if self.when_full == WhenFull::DropNewest => {
                self.leave_out(&event, "queue full");
                Ok(())
            }
            Err((_, _, error)) => Err(error),
        }
    }

    /// As [`Queue::emit`], but waits for room where the policy says so.
    pub(super) async fn emit_waiting(
        &self,
        event: Event,
        answer: Option<Answer>,
    ) -> Result<(), EmitterError> {
        let (mut event, mut answer, mut error) = match self.admit(event, answer) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let patience = match self.when_full {
            WhenFull::Block(patience) => patience,
            // Who asks for the answer wishes to wait.
            WhenFull::DropNewest | WhenFull::Error if answer.is_some() => Duration::from_secs(5),
            WhenFull::DropNewest if matches!(error, EmitterError::Backpressure { .. }) => {
                self.leave_out(&event, "queue full");
                return Ok(());
            }
            WhenFull::DropNewest | WhenFull::Error => return Err(error),
        };
        let until = Instant::now() + patience;
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            // Between the first look and this one there may have been room.
            (event, answer, error) = match self.admit(event, answer) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            if !matches!(error, EmitterError::Backpressure { .. }) || self.state().stalled {
                return Err(error);
            }
            if tokio::time::timeout_at(until, room).await.is_err() {
                self.state().stalled = true;
                return Err(error);
            }
        }
    }

    /// Notes at this place in the order that an event was left out. Admitted or not, the note has room: notes about one
    /// stream that follow each other become one.
    pub(super) fn leave_out(&self, event: &Event, reason: &str) {
        let mut state = self.state();
        state.dropped += 1;
        let same =
            |left: &Left| left.first.stream() == event.stream() && left.first.tenant() == event.tenant();
        let notes = state.entries.iter_mut().rev().map_while(|entry| match entry {
            Entry::Left(left) => Some(left),
            Entry::Event(..) | Entry::Flush(_) => None,
        });
        let mut count = 0;
        for left in notes {
            count += 1;
            if same(left) {
                left.count += 1;
                left.one_type &= left.first.ty() == event.ty();
                return;
            }
        }
        if count < MAX_LEFT && !state.closed {
            let first = event.clone();
            let left = Left { first, count: 1, reason: reason.to_owned(), one_type: true };
            state.entries.push_back(Entry::Left(left));
            drop(state);
            self.filled.notify_one();
        }
    }

    /// Waits behind everything that is in the queue.
    pub(super) fn flush(&self) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.closed && state.entries.is_empty() && state.events == 0 {
            return None;
        }
        state.entries.push_back(Entry::Flush(sender));
        drop(state);
        self.filled.notify_one();
        Some(receiver)
    }

    /// The next entries, at most `max` of them and about `max_bytes` of payload. They still count as waiting. `None` once
    /// the queue is closed and empty.
    pub(super) async fn take(&self, max: usize, max_bytes: usize) -> Option<Vec<Entry>> {
        loop {
            let filled = self.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            {
                let mut state = self.state();
                if !state.entries.is_empty() {
                    return Some(state.take(max, max_bytes));
                }
                if state.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// So many events have left: they are stored, refused, or in the spool.
    pub(super) fn done(&self, events: usize) {
        if events == 0 {
            return;
        }
        let mut state = self.state();
        state.events = state.events.saturating_sub(events);
        state.stalled = false;
        drop(state);
        self.room.notify_waiters();
    }

    /// Admits nothing more; what is in it is published.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
        self.room.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(super) fn queued(&self) -> usize {
        self.state().events
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn full(&self) -> EmitterError {
        let away = match &self.store {
            StoreState::Ready => None,
            StoreState::Away(why) => Some(why.clone()),
        };
        EmitterError::Backpressure { queued: self.events, away }
    }

    fn take(&mut self, max: usize, max_bytes: usize) -> Vec<Entry> {
        let mut taken = Vec::with_capacity(max.min(self.entries.len()));
        let mut bytes = 0;
        while taken.len() < max && bytes < max_bytes {
            let Some(entry) = self.entries.pop_front() else { break };
            if let Entry::Event(event, _) = &entry {
                bytes += super::batch::size(event);
            }
            taken.push(entry);
        }
        taken
    }
}
