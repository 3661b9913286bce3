//! The task that publishes what an emitter has admitted.
//!
//! One batch is under way at a time, and nothing overtakes a batch that failed: so the order of admission is the order
//! in the log, through failures too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use headwater_broker::{Error, EventPublisher, Published};
use headwater_events::{Class, Event, Position};
use headwater_store::{Backoff, Error as StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    EmitterError, StoreState, batch::Batch, queue::Answer, queue::Queue, sequence::Sequence, spool::Spool,
};
use crate::{
    diagnostics::{DiagnosticKind, Diagnostics, Part},
    metric_definitions as m,
};

/// The most bytes of payload that are published at once, about.
const MAX_BYTES: usize = 1 << 20;

/// The last places that emitters have been answered with.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    any: AtomicU64,
    durable: AtomicU64,
}

impl Progress {
    /// The last place of an event of any class, or of a durable one.
    pub(crate) fn reached(&self, durable: bool) -> Position {
        let of = if durable { &self.durable } else { &self.any };
        Position(of.load(Ordering::Acquire))
    }

    fn note(&self, class: Class, position: Position) {
        match class {
            Class::Durable => {
                self.durable.fetch_max(position.0, Ordering::AcqRel);
                self.any.fetch_max(position.0, Ordering::AcqRel);
            }
            Class::Transient => drop(self.any.fetch_max(position.0, Ordering::AcqRel)),
            Class::Internal => {}
        }
    }
}

pub(super) struct Publisher {
    pub(super) queue: Arc<Queue>,
    pub(super) to: Arc<dyn EventPublisher>,
    pub(super) sequence: Sequence,
    pub(super) spool: Option<Spool>,
    pub(super) batch_events: usize,
    pub(super) retry_max: Duration,
    pub(super) part: Part,
    pub(super) diagnostics: Diagnostics,
    pub(super) progress: Arc<Progress>,
    /// Cancelled: what is not stored by now is given up.
    pub(super) give_up: CancellationToken,
}

/// What to do about a batch that was not stored.
enum Cure {
    /// Nothing of this broker will be stored any more.
    Over,
    /// The event at this place cannot be stored.
    Refuse(usize),
    /// Some events are stored.
    Stored(Vec<bool>),
    /// Try smaller ones.
    Split,
    /// Try again later.
    Wait,
}

impl Publisher {
    pub(super) async fn run(mut self) {
        self.replay().await;
        while let Some(entries) = self.queue.take(self.batch_events, MAX_BYTES).await {
            let batch = Batch::new(entries, &mut self.sequence);
            self.store(batch).await;
        }
    }

    /// Stores a batch, however long it takes.
    async fn store(&mut self, mut batch: Batch) {
        let mut backoff = Backoff::new(Duration::from_millis(10), self.retry_max);
        while !batch.events.is_empty() {
            let error = match self.attempt(&batch.events).await {
                Ok(published) => {
                    self.recovered();
                    answer(batch.answers.drain(..), published);
                    batch.events.clear();
                    break;
                }
                Err(error) => error,
            };
            match cure(&error, batch.events.len()) {
                Cure::Refuse(index) => {
                    let (event, waiting) = batch.refuse(index, &mut self.sequence);
                    self.refused(&event, waiting, error);
                }
                Cure::Stored(stored) => {
                    batch.keep(&stored.iter().map(|stored| !stored).collect::<Vec<_>>());
                    self.away(&error);
                    self.pause(&mut backoff).await;
                }
                Cure::Split => {
                    let rest = batch.split_off(batch.events.len() / 2);
                    Box::pin(self.store(batch)).await;
                    batch = rest;
                }
                Cure::Wait => {
                    self.away(&error);
                    if self.spool.is_some() {
                        return Box::pin(self.through_spool(batch)).await;
                    }
                    self.pause(&mut backoff).await;
                }
                Cure::Over => return self.give_up(batch),
            }
        }
        self.settle(batch);
    }

    /// Puts everything into the spool until the store has taken all of it.
    async fn through_spool(&mut self, first: Batch) {
        let Some(mut spool) = self.spool.take() else { return };
        let mut held = self.spill(&mut spool, first).await;
        let mut backoff = Backoff::new(Duration::from_millis(10), self.retry_max);
        let mut retry_at = Instant::now() + backoff.next();
        let mut open = true;
        while !spool.is_empty() {
            tokio::select! {
                () = self.give_up.cancelled() => {
                    // It stays in the file and is published by the next life.
                    spool.let_go();
                    break;
                }
                more = self.queue.take(self.batch_events, MAX_BYTES), if open && held.is_none() => match more {
                    Some(entries) => {
                        let batch = Batch::new(entries, &mut self.sequence);
                        held = self.spill(&mut spool, batch).await;
                    }
                    None => open = false,
                },
                () = tokio::time::sleep_until(retry_at) => {
                    if self.drain(&mut spool).await {
                        backoff.reset();
                    }
                    retry_at = Instant::now() + backoff.next();
                }
            }
        }
        self.spool = Some(spool);
        if let Some(held) = held {
            Box::pin(self.store(held)).await;
        }
    }

    /// Publishes what the spool holds from its head on. Gives whether the store takes events.
    async fn drain(&mut self, spool: &mut Spool) -> bool {
        loop {
            let events = match spool.head(self.batch_events).await {
                Ok(events) if events.is_empty() => return true,
                Ok(events) => events,
                Err(error) => {
                    self.diagnostics.tell(&self.part, DiagnosticKind::Failing, format!("spool: {error}"));
                    return false;
                }
            };
            match self.attempt(&events).await {
                Ok(published) => {
                    self.recovered();
                    spool.stored(published).await;
                }
                Err(error) => match cure(&error, events.len()) {
                    Cure::Refuse(0) => {
                        let waiting = spool.skip_head().await;
                        self.refused(&events[0], waiting, error);
                    }
                    // Those before it are stored first.
                    Cure::Refuse(index) => spool.look_at(index),
                    Cure::Split => spool.look_at(events.len() / 2),
                    Cure::Stored(_) | Cure::Wait | Cure::Over => {
                        self.away(&error);
                        return false;
                    }
                },
            }
            self.queue.state().spooled_bytes = spool.bytes();
        }
    }

    /// Appends a batch to the spool; gives it back where it does not fit.
    async fn spill(&self, spool: &mut Spool, mut batch: Batch) -> Option<Batch> {
        match spool.append(&mut batch).await {
            Ok(true) => {
                let mut state = self.queue.state();
                metrics::gauge!(m::SPOOL_BYTES).set(spool.bytes() as f64);
                state.spooled_bytes = spool.bytes();
                drop(state);
                self.queue.done(batch.counted);
                None
            }
            Ok(false) => Some(batch),
            Err(error) => {
                self.diagnostics.tell(&self.part, DiagnosticKind::Failing, format!("spool: {error}"));
                Some(batch)
            }
        }
    }

    /// What an earlier life left in the spool goes first.
    async fn replay(&mut self) {
        let left = match &mut self.spool {
            Some(spool) => spool.open().await,
            None => return,
        };
        match left {
            Ok(false) => {}
            Ok(true) => self.through_spool(Batch::default()).await,
            Err(error) => {
                self.diagnostics.tell(&self.part, DiagnosticKind::Stopped, format!("no spool: {error}"));
                self.spool = None;
            }
        }
    }

    async fn attempt(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        let published = tokio::select! {
            published = self.to.publish(events) => published?,
            () = self.give_up.cancelled() => return Err(StoreError::Closed.into()),
        };
        for (event, published) in events.iter().zip(&published) {
            self.progress.note(event.class(), published.cursor.position());
        }
        Ok(published)
    }

    async fn pause(&self, backoff: &mut Backoff) {
        metrics::counter!(m::EMITTER_RETRIES).increment(1);
        tokio::select! {
            () = tokio::time::sleep(backoff.next()) => {}
            () = self.give_up.cancelled() => {}
        }
    }

    fn refused(&self, event: &Event, waiting: Option<Answer>, error: Error) {
        let (error, reason) = (Arc::new(error), "refused");
        metrics::counter!(m::EMITTER_DROPPED, "reason" => reason).increment(1);
        let told = format!("`{}` of `{}` was refused: {error}", event.ty(), event.stream());
        self.diagnostics.tell(&self.part, DiagnosticKind::Dropped, told);
        self.queue.state().refused += 1;
        match waiting {
            // Who waits is told, and decides.
            Some(waiting) => drop(waiting.send(Err(EmitterError::Refused(error)))),
            // What no caller hears of, the stream tells. A note that was refused is not noted again.
            None if event.ty() != "dropped.v1" => self.queue.leave_out(event, &format!("refused: {error}")),
            None => {}
        }
    }

    /// Nothing more can be stored: whoever waits is told, and what is left is counted.
    fn give_up(&self, batch: Batch) {
        self.queue.close();
        let lost = batch.events.len();
        if lost > 0 {
            metrics::counter!(m::EMITTER_DROPPED, "reason" => "closed").increment(lost as u64);
            let told = format!("{lost} events were not stored before the end");
            self.diagnostics.tell(&self.part, DiagnosticKind::Dropped, told);
        }
        let mut state = self.queue.state();
        state.dropped += lost as u64;
        drop(state);
        for waiting in batch.answers.into_iter().flatten() {
            drop(waiting.send(Err(EmitterError::Closed)));
        }
        self.queue.done(batch.counted);
        // The flushes are dropped, which says that it did not come to that.
    }

    fn settle(&self, batch: Batch) {
        self.queue.done(batch.counted);
        for done in batch.flushes {
            // Who does not wait any more does not need to know.
            let _ = done.send(());
        }
    }

    fn away(&self, error: &Error) {
        let was = std::mem::replace(&mut self.queue.state().store, StoreState::Away(error.to_string()));
        if was == StoreState::Ready {
            let told = format!("the store does not take events now, they wait: {error}");
            self.diagnostics.tell(&self.part, DiagnosticKind::Failing, told);
        }
    }

    fn recovered(&self) {
        let mut state = self.queue.state();
        if state.store == StoreState::Ready {
            return;
        }
        state.store = StoreState::Ready;
        drop(state);
        self.diagnostics.tell(&self.part, DiagnosticKind::Recovered, "the store takes events again");
    }
}

fn answer(answers: impl IntoIterator<Item = Option<Answer>>, published: Vec<Published>) {
    for (waiting, published) in answers.into_iter().zip(published) {
        if let Some(waiting) = waiting {
            // Who does not wait any more does not need to know.
            drop(waiting.send(Ok(published)));
        }
    }
}

fn cure(error: &Error, events: usize) -> Cure {
    match error {
        Error::InvalidEvent { index, .. } if *index < events => Cure::Refuse(*index),
        Error::Store(StoreError::Partial { stored, .. }) => {
            Cure::Stored(stored.iter().map(Option::is_some).collect())
        }
        Error::Store(StoreError::Closed) => Cure::Over,
        error if error.is_retryable() => Cure::Wait,
        _ if events > 1 => Cure::Split,
        _ => Cure::Refuse(0),
    }
}
