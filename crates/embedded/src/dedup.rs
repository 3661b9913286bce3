//! Recognizing an event that is stored already.
//!
//! The truth is in the dedup buckets, written in the same batch as the events. In memory are short fingerprints of
//! the newest ones: most events are new, and that is seen without a look at the buckets.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
};

use bytes::BufMut;
use headwater_events::Position;
use headwater_store::Error;

use crate::{
    buckets::{Buckets, Kind},
    codec::Reader,
    engine::storage,
};

/// Where and when an event was stored first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) position: Position,
    pub(crate) stored_at: i64,
    /// Of the run it was stored in.
    pub(crate) run_hash: u64,
}

impl Seen {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        out.put_u64(self.position.0);
        out.put_i64(self.stored_at);
        out.put_u64(self.run_hash);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes, "a dedup entry");
        Ok(Self { position: r.position()?, stored_at: r.i64()?, run_hash: r.u64()? })
    }
}

/// The fingerprints of the newest events.
pub(crate) struct Recent {
    young: HashSet<u64, BuildHasherDefault<AsIs>>,
    old: HashSet<u64, BuildHasherDefault<AsIs>>,
    /// When `young` was begun.
    young_since: i64,
    /// Every event since then is in one of the two.
    complete_since: i64,
}

/// At most two sets of this many: some 40 MiB under full load, nothing when idle.
const MAX: usize = 1 << 20;

impl Recent {
    /// Knows nothing of what was stored before `now`.
    pub(crate) fn new(now: i64) -> Self {
        Self { young: HashSet::default(), old: HashSet::default(), young_since: now, complete_since: now }
    }

    pub(crate) fn add(&mut self, print: u128, now: i64) {
        if self.young.len() >= MAX {
            self.old = std::mem::take(&mut self.young);
            self.complete_since = self.young_since;
            self.young_since = now;
        }
        self.young.insert(short(print));
    }

    /// Whether an event may have been stored since `since`.
    fn may_have(&self, print: u128, since: i64) -> bool {
        since < self.complete_since || self.young.contains(&short(print)) || self.old.contains(&short(print))
    }

    /// When and where the event was stored first, if that was at `since` or later.
    pub(crate) fn find(&self, buckets: &Buckets, print: u128, since: i64) -> Result<Option<Seen>, Error> {
        if !self.may_have(print, since) {
            return Ok(None);
        }
        for bucket in buckets.of(Kind::Dedup).iter().rev() {
            if let Some(value) = bucket.keys.get(print.to_be_bytes()).map_err(storage)? {
                return Ok(Some(Seen::decode(&value)?).filter(|seen| seen.stored_at >= since));
            }
        }
        Ok(None)
    }
}

fn short(print: u128) -> u64 {
    u64::try_from(print & u128::from(u64::MAX)).unwrap_or(0)
}

/// Fingerprints are hashes already.
#[derive(Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }

    fn write_u128(&mut self, n: u128) {
        self.0 = short(n);
    }
}
