//! Reads the log for a sink and waits for it.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use headwater_broker::{EventStream, Item};
use headwater_events::{Cursor, Filter, Position};
use headwater_store::Backoff;
use tokio::sync::watch;

use super::{EventSink, SinkError, SinkState, health::Health};
use crate::{
    diagnostics::{DiagnosticKind, Diagnostics, Part},
    metric_definitions as m,
};

/// How far a worker is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// On and on.
    Live,
    /// Up to a place, then it stops.
    Upto(Position),
    /// Until nothing more comes, for logs whose places are not one number.
    UntilIdle,
}

pub(crate) struct SinkWorker {
    pub(crate) sink: Box<dyn EventSink>,
    pub(crate) events: EventStream,
    pub(crate) filter: Filter,
    pub(crate) goal: watch::Receiver<Goal>,
    pub(crate) health: Health,
    pub(crate) part: Part,
    pub(crate) diagnostics: Diagnostics,
    /// Where to go on when the sink is started again.
    pub(crate) resume: Resume,
}

/// Where a sink goes on when it is started again: behind what it has taken and flushed.
#[derive(Debug, Clone)]
pub(crate) struct Resume(Arc<Mutex<Cursor>>);

impl Resume {
    pub(crate) fn at(cursor: Cursor) -> Self {
        Self(Arc::new(Mutex::new(cursor)))
    }

    pub(crate) fn get(&self) -> Cursor {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, cursor: Cursor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cursor;
    }
}

/// How many items are read at once: as many as may be taken again by a sink that fails.
const BATCH: usize = 128;
/// After how long without an event there is nothing more, where it cannot be known.
const IDLE: Duration = Duration::from_millis(300);

impl SinkWorker {
    /// Works until it is stopped or over.
    pub(crate) async fn run(mut self) {
        self.health.now().state = SinkState::Running;
        let mut at = self.events.cursor();
        let over = loop {
            let goal = *self.goal.borrow_and_update();
            if matches!(goal, Goal::Upto(place) if at.position() >= place) {
                break false;
            }
            let items = tokio::select! {
                items = self.events.next_batch(BATCH) => items,
                changed = self.goal.changed() => match changed {
                    Ok(()) => continue,
                    // The bus is gone.
                    Err(_) => break false,
                },
                () = tokio::time::sleep(IDLE), if goal == Goal::UntilIdle => break false,
            };
            match items {
                Some(Ok(items)) => {
                    if self.pass_on(&items).await.is_err() {
                        break true;
                    }
                    at = items.last().map_or(at, Item::cursor);
                    self.resume.set(at.clone());
                }
                Some(Err(error)) => {
                    self.error(&format!("reads nothing more: {error}"));
                    break true;
                }
                None => break false,
            }
        };
        let state = if over { SinkState::Over } else { SinkState::Stopped };
        self.health.now().state = state;
        if over {
            let last = self.health.now().last_error.clone().unwrap_or_default();
            self.diagnostics.tell(&self.part, DiagnosticKind::Stopped, last);
        }
    }

    /// Hands items to the sink, each until it has it.
    async fn pass_on(&mut self, items: &[Item]) -> Result<(), ()> {
        let mut handled = 0;
        for item in items {
            match item {
                Item::Event(delivery) if !self.filter.matches(delivery.event()) => continue,
                Item::Event(_) => handled += 1,
                Item::Gap(gap) => {
                    self.health.now().gaps += 1;
                    let told = format!("something is missing: {}", gap.reason);
                    self.diagnostics.tell(&self.part, DiagnosticKind::Gap, told);
                }
                Item::CaughtUp(_) | Item::End(_) => continue,
            }
            self.insist(Some(item)).await?;
        }
        self.insist(None).await?;
        self.health.now().handled += handled;
        metrics::counter!(m::SINK_EVENTS, "sink" => self.name()).increment(handled);
        Ok(())
    }

    /// Hands over an item, or flushes, until it works, is refused, or the sink is over.
    async fn insist(&mut self, item: Option<&Item>) -> Result<(), ()> {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(5));
        loop {
            let attempt = async {
                match item {
                    Some(item) => self.sink.handle(item).await,
                    None => self.sink.flush().await,
                }
            };
            let outcome = AssertUnwindSafe(attempt).catch_unwind().await;
            match outcome.unwrap_or_else(|_| Err(SinkError::Refused("the sink panicked".to_owned()))) {
                Ok(()) => {
                    self.works();
                    return Ok(());
                }
                Err(SinkError::Refused(why)) => {
                    self.error(&why);
                    self.health.now().refused += 1;
                    metrics::counter!(m::SINK_LOST, "sink" => self.name()).increment(1);
                    self.diagnostics.tell(&self.part, DiagnosticKind::Dropped, why);
                    return Ok(());
                }
                Err(SinkError::Over(why)) => {
                    self.error(&why);
                    return Err(());
                }
                Err(SinkError::Retry(why)) => {
                    self.error(&why);
                    let was = std::mem::replace(&mut self.health.now().state, SinkState::Failing);
                    if was != SinkState::Failing {
                        self.diagnostics.tell(&self.part, DiagnosticKind::Failing, why);
                    }
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    fn works(&self) {
        let was = std::mem::replace(&mut self.health.now().state, SinkState::Running);
        if was == SinkState::Failing {
            self.diagnostics.tell(&self.part, DiagnosticKind::Recovered, "it takes events again");
        }
    }

    fn error(&self, why: &str) {
        metrics::counter!(m::SINK_ERRORS, "sink" => self.name()).increment(1);
        let mut health = self.health.now();
        health.errors += 1;
        health.last_error = Some(why.to_owned());
    }

    fn name(&self) -> String {
        self.health.now().name.clone()
    }
}
