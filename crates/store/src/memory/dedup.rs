//! Which events were stored lately.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use headwater_events::Position;

use super::stream::StreamId;
use crate::Append;

/// Where the first one stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    pub(super) position: Position,
    /// Milliseconds since the Unix epoch.
    pub(super) stored_at: i64,
    pub(super) stream: StreamId,
}

/// The idempotency keys of the window, as 128 bits of a hash that nobody outside can know.
pub(super) struct Dedup {
    hashers: [RandomState; 2],
    firsts: HashMap<u128, First>,
    /// In the order of their appends.
    queue: VecDeque<(i64, Position, u128)>,
    window_ms: i64,
    max_ids: usize,
}

impl Dedup {
    pub(super) fn new(window: Option<Duration>, max_ids: usize) -> Self {
        let window_ms = window.map_or(0, |window| i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            firsts: HashMap::new(),
            queue: VecDeque::new(),
            window_ms,
            max_ids,
        }
    }

    pub(super) fn key(&self, append: &Append) -> u128 {
        let key = (append.tenant.as_str(), append.event.source(), append.event.id());
        let [high, low] = &self.hashers;
        u128::from(high.hash_one(key)) << 64 | u128::from(low.hash_one(key))
    }

    /// Where the event was stored first, if that was inside the window.
    pub(super) fn find(&self, key: u128, now: i64) -> Option<First> {
        self.firsts
            .get(&key)
            .copied()
            .filter(|first| now.saturating_sub(first.stored_at) <= self.window_ms)
    }

    pub(super) fn insert(&mut self, key: u128, first: First) {
        if self.window_ms == 0 {
            return;
        }
        self.firsts.insert(key, first);
        self.queue.push_back((first.stored_at, first.position, key));
        while let Some(&(stored_at, position, key)) = self.queue.front() {
            if first.stored_at.saturating_sub(stored_at) <= self.window_ms && self.queue.len() <= self.max_ids
            {
                break;
            }
            self.queue.pop_front();
            // The same id may have been stored anew since.
            if self
                .firsts
                .get(&key)
                .is_some_and(|kept| kept.position == position)
            {
                self.firsts.remove(&key);
            }
        }
    }
}
