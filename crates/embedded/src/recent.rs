//! Recognizing an event that is stored already.
//!
//! The truth is in the dedup buckets, written in the same batch as the events. In memory is where each event of the
//! dedup window stands, as far as there is room: what has no room any more goes into the buckets too, one key for each
//! event, so that the window is as long as it is said to be however much is stored in it.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use fjall::OwnedWriteBatch;
use headwater_events::Position;
use headwater_store::Error;

use crate::{
    buckets::{Buckets, Kind},
    dedup::{self, Prints, Seen},
    engine::storage,
    keys,
    view::View,
};

type Positions = HashMap<u128, Position, BuildHasherDefault<AsIs>>;

/// Where the events of the dedup window stand.
pub(crate) struct Recent {
    young: Positions,
    old: Positions,
    /// When the newest of `old` was stored.
    old_until: i64,
    /// What does not fit any more. It stays at hand until all of it is in the buckets.
    leaving: Positions,
    /// What of `leaving` is not in the buckets yet.
    rest: Vec<(u128, Position)>,
    /// When the newest of those was stored that are in the buckets, or on their way.
    left_until: i64,
    most: usize,
}

/// At most four tables of this many, some 140 MiB, under the fullest load; nothing when idle. It is what a table of a
/// power of two can hold.
const MOST: usize = (1 << 20) / 8 * 7;

impl Recent {
    fn new(most: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            old_until: i64::MIN,
            leaving: HashMap::default(),
            rest: Vec::new(),
            left_until: i64::MIN,
            most,
        }
    }

    /// Knows what was stored at `since` or later.
    pub(crate) fn load(view: &View, since: i64) -> Result<Self, Error> {
        Self::load_with(view, since, MOST)
    }

    fn load_with(view: &View, since: i64, most: usize) -> Result<Self, Error> {
        let mut recent = Self::new(most);
        for bucket in view.buckets.of(Kind::Dedup) {
            let all = || bucket.keys.range(keys::prints(Position::ZERO)..=keys::prints(Position::MAX));
            let mut from = None;
            for entry in all().rev() {
                let (key, value) = entry.into_inner().map_err(storage)?;
                if Prints::decode(&value, keys::position(&key))?.stored_at < since {
                    break;
                }
                from = Some(key);
            }
            let Some(from) = from else { continue };
            for entry in bucket.keys.range(from.to_vec()..=keys::prints(Position::MAX).to_vec()) {
                let (key, value) = entry.into_inner().map_err(storage)?;
                let prints = Prints::decode(&value, keys::position(&key))?;
                for print in prints.iter() {
                    recent.add(print.print, print.position, prints.stored_at, since);
                }
                if !recent.rest.is_empty() {
                    let mut batch = view.engine.db.batch();
                    recent.spill(&view.buckets, usize::MAX, &mut batch);
                    batch.commit().map_err(storage)?;
                }
            }
        }
        Ok(recent)
    }

    /// Takes in an event that was stored `now`, and lets go of what is older than `since`.
    pub(crate) fn add(&mut self, print: u128, position: Position, now: i64, since: i64) {
        if self.young.len() >= self.most {
            let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            if self.old_until >= since {
                self.rest.extend(old.iter().map(|(print, position)| (*print, *position)));
                self.left_until = self.old_until;
                match self.leaving.is_empty() {
                    true => self.leaving = old,
                    false => self.leaving.extend(old),
                }
            }
            self.old_until = now;
        }
        self.young.insert(print, position);
    }

    /// Puts up to `most` of what does not fit any more into a batch, which must be committed.
    pub(crate) fn spill(&mut self, buckets: &Buckets, most: usize, batch: &mut OwnedWriteBatch) {
        let Some(bucket) = buckets.newest(Kind::Dedup).filter(|_| !self.rest.is_empty()) else {
            return;
        };
        let from = self.rest.len() - self.rest.len().min(most);
        for (print, position) in self.rest.drain(from..) {
            batch.insert(&bucket.keys, keys::print(print), position.0.to_be_bytes());
        }
        if self.rest.is_empty() {
            self.rest = Vec::new();
            self.leaving = HashMap::default();
        }
    }

    /// When and where the event was stored first, if that was at `since` or later.
    pub(crate) fn find(&self, buckets: &Buckets, print: u128, since: i64) -> Result<Option<Seen>, Error> {
        let at_hand = [&self.young, &self.old, &self.leaving].into_iter().find_map(|table| table.get(&print));
        let position = match at_hand {
            Some(position) => Some(*position),
            None if self.left_until >= since => spilled(buckets, print)?,
            None => None,
        };
        let seen = position.map(|position| dedup::at(buckets, print, position)).transpose()?.flatten();
        Ok(seen.filter(|seen| seen.stored_at >= since))
    }
}

fn spilled(buckets: &Buckets, print: u128) -> Result<Option<Position>, Error> {
    for bucket in buckets.of(Kind::Dedup).iter().rev() {
        if let Some(position) = bucket.keys.get(keys::print(print)).map_err(storage)? {
            return Ok(Some(keys::position(&position)));
        }
    }
    Ok(None)
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

    #[allow(clippy::cast_possible_truncation)]
    fn write_u128(&mut self, n: u128) {
        self.0 = n as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use headwater_store::Retention;

    use super::*;
    use crate::{dedup::Print, engine::Engine, view::Cuts};

    fn view(folder: &std::path::Path) -> View {
        let engine = Engine::open(folder, 1 << 20).unwrap();
        let mut buckets = Buckets::default();
        let policy = (&Retention::default(), Duration::from_secs(120));
        buckets.roll(&engine.db, Kind::Dedup, Position(1), 0, policy).unwrap();
        View { engine, buckets, cuts: Cuts::default(), holes: Position::ZERO, lost: Arc::default() }
    }

    fn is_known(recent: &Recent, view: &View, n: u64, since: i64) -> bool {
        let seen = recent.find(&view.buckets, u128::from(n) << 32 | 1, since).unwrap();
        assert!(seen.is_none_or(|seen| seen.position == Position(n) && seen.run_hash == n));
        seen.is_some()
    }

    #[test]
    fn the_window_holds_more_than_fits() {
        let dir = tempfile::tempdir().unwrap();
        let view = view(dir.path());
        let mut recent = Recent::new(10);
        let mut now = 0;
        for commit in 0..40u64 {
            now += 1;
            let mut batch = view.engine.db.batch();
            let prints: Vec<_> = (1..=5)
                .map(|n| commit * 5 + n)
                .map(|n| Print { print: u128::from(n) << 32 | 1, position: Position(n), run_hash: n })
                .collect();
            let last = prints[4].position;
            let keys = &view.buckets.newest(Kind::Dedup).unwrap().keys;
            batch.insert(keys, keys::prints(last), dedup::encode(&prints, now));
            recent.spill(&view.buckets, 10, &mut batch);
            batch.commit().unwrap();
            prints.iter().for_each(|p| recent.add(p.print, p.position, now, 0));
            assert!((1..=last.0).all(|n| is_known(&recent, &view, n, 0)), "after {commit}");
        }
        assert!(!is_known(&recent, &view, 201, 0));
        assert!(!is_known(&recent, &view, 100, 21) && is_known(&recent, &view, 101, 21), "the window's edge");
        assert!(recent.leaving.len() <= 10 && recent.young.len() <= 10, "bounded");
        let recent = Recent::load_with(&view, 11, 10).unwrap();
        assert!((51..=200).all(|n| is_known(&recent, &view, n, 11)), "after opening");
        assert!((1..51).all(|n| !is_known(&recent, &view, n, 11)));
    }
}
