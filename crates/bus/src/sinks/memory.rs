//! The last events, in memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use headwater_broker::Item;
use headwater_events::Event;

use super::{EventSink, SinkError};

/// Keeps the last events, for tests and small tools. Cloning gives another handle to the same ones.
#[derive(Debug, Clone)]
pub struct MemorySink(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    events: VecDeque<Event>,
    capacity: usize,
    pushed_out: u64,
}

impl MemorySink {
    /// Keeps at most so many events; older ones go, and are counted.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let kept = Kept { events: VecDeque::new(), capacity: capacity.max(1), pushed_out: 0 };
        Self(Arc::new(Mutex::new(kept)))
    }

    /// What it has, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.kept().events.iter().cloned().collect()
    }

    /// Takes out what it has, oldest first.
    #[must_use]
    pub fn drain(&self) -> Vec<Event> {
        self.kept().events.drain(..).collect()
    }

    /// How many events had to go for newer ones.
    #[must_use]
    pub fn pushed_out(&self) -> u64 {
        self.kept().pushed_out
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing under this lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventSink for MemorySink {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        let Item::Event(delivery) = item else { return Ok(()) };
        let mut kept = self.kept();
        if kept.events.len() == kept.capacity {
            kept.events.pop_front();
            kept.pushed_out += 1;
        }
        kept.events.push_back(delivery.event().clone());
        Ok(())
    }
}
