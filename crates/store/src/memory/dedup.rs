//! Which events were stored lately.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use headwater_events::Position;

use super::{numbered::Numbered, stream::StreamId};
use crate::Append;

/// Where the first one stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    pub(super) position: Position,
    /// Milliseconds since the Unix epoch.
    pub(super) stored_at: i64,
    pub(super) stream: StreamId,
}

/// 128 bits of hashes that nobody outside can know: no two events are taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u64; 2]);

/// The idempotency keys of the window, in two generations: the older one is dropped whole, which costs nothing for
/// each key, and by then everything in it is older than the window.
pub(super) struct Dedup {
    hashers: [RandomState; 2],
    young: Generation,
    old: Generation,
    /// When the young generation began, in milliseconds since the Unix epoch.
    since: i64,
    window_ms: i64,
    max_ids: usize,
}

type Generation = Numbered<Key, First>;

impl Dedup {
    pub(super) fn new(window: Option<Duration>, max_ids: usize) -> Self {
        let window_ms = window.map_or(0, |window| i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            young: Generation::default(),
            old: Generation::default(),
            since: 0,
            window_ms,
            max_ids,
        }
    }

    pub(super) fn key(&self, append: &Append) -> Key {
        let key = (append.tenant.as_str(), append.event.source(), append.event.id());
        Key([self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)])
    }

    /// Where the event was stored first, if that was inside the window.
    pub(super) fn find(&self, key: Key, now: i64) -> Option<First> {
        let first = self.young.get(&key).or_else(|| self.old.get(&key)).copied();
        first.filter(|first| now.saturating_sub(first.stored_at) <= self.window_ms)
    }

    pub(super) fn insert(&mut self, key: Key, first: First) {
        if self.window_ms == 0 {
            return;
        }
        let age = first.stored_at.saturating_sub(self.since);
        if age > self.window_ms || self.young.len() >= self.max_ids / 2 {
            self.old = std::mem::take(&mut self.young);
            self.since = first.stored_at;
        }
        self.young.insert(key, first);
    }
}

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}
