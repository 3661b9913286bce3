//! Up to where the limits of a class reach: found in the commit records, without looking at an event.

use std::time::Duration;

use headwater_events::{Class, Position};
use headwater_store::{Error, Limits};

use crate::{buckets::Kind, commit::Commit, engine::storage, keys, meta::End, view::View};

/// The log as far as one kind of limits is concerned.
pub(super) struct Limited<'a> {
    pub(super) view: &'a View,
    pub(super) end: &'a End,
    pub(super) now: i64,
    pub(super) transient: bool,
    /// Everything up to here is cut already.
    pub(super) cut: Position,
}

impl Limited<'_> {
    /// The last position that is over one of the limits.
    pub(super) fn cut(&self, limits: &Limits) -> Result<Position, Error> {
        let mut cut = self.cut;
        if let Some(age) = limits.max_age {
            cut = cut.max(self.by_age(age)?);
        }
        let end = if self.transient { self.end.transient } else { self.end.durable };
        if let Some(excess) = limits.max_events.and_then(|max| over(end.events, max)) {
            cut = cut.max(self.by_count(excess)?);
        }
        if let Some(excess) = limits.max_bytes.and_then(|max| over(end.bytes, max)) {
            cut = cut.max(self.by_bytes(excess)?);
        }
        Ok(cut)
    }

    fn by_age(&self, age: Duration) -> Result<Position, Error> {
        let since = self.now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        // Transient events may be kept longer than the commit records: then whole buckets go by their time.
        let known = self.view.buckets.of(Kind::Refs).first().map_or(Position::MAX, |bucket| bucket.first);
        let mut cut = self.cut;
        for pair in self.view.buckets.of(Kind::Deltas).windows(2) {
            if self.transient && pair[1].first <= known {
                if pair[0].end_ms > since {
                    return Ok(cut);
                }
                cut = pair[1].first.prev();
            }
        }
        let kept = first(self.view, self.cut, |commit| commit.stored_at >= since)?;
        Ok(cut.max(kept.map_or(self.end.position, |(_, commit)| commit.first.prev())))
    }

    fn by_count(&self, excess: u64) -> Result<Position, Error> {
        let found = first(self.view, self.cut, |commit| commit.totals(self.transient).events >= excess)?;
        Ok(found.map_or(self.cut, |(_, commit)| {
            let own = self.own(&commit).count() as u64;
            let before = commit.totals(self.transient).events - own;
            self.place(&commit, excess.saturating_sub(before))
        }))
    }

    /// Exact between batches; inside one its events count as equally long.
    fn by_bytes(&self, excess: u64) -> Result<Position, Error> {
        let found = first(self.view, self.cut, |commit| commit.totals(self.transient).bytes >= excess)?;
        Ok(found.map_or(self.cut, |(_, commit)| {
            let own_bytes = commit.own_bytes[usize::from(self.transient)];
            let before = commit.totals(self.transient).bytes - own_bytes;
            let mean = own_bytes.div_ceil((self.own(&commit).count() as u64).max(1)).max(1);
            self.place(&commit, excess.saturating_sub(before).div_ceil(mean))
        }))
    }

    /// The offsets of the batch's events that are of this kind.
    fn own(&self, commit: &Commit) -> impl Iterator<Item = u64> {
        let transient = self.transient;
        let offsets = (0u64..).zip(commit.classes.clone());
        offsets.filter(move |(_, class)| (*class == Class::Transient) == transient).map(|(offset, _)| offset)
    }

    /// The position of the `n`th event of this kind in a batch.
    fn place(&self, commit: &Commit, n: u64) -> Position {
        let Some(n) = n.checked_sub(1) else {
            return commit.first.prev();
        };
        let offset = self.own(commit).nth(usize::try_from(n).unwrap_or(usize::MAX));
        offset.map_or(commit.first.prev(), |offset| Position(commit.first.0 + offset))
    }
}

fn over(have: u64, max: u64) -> Option<u64> {
    have.checked_sub(max).filter(|&excess| excess > 0)
}

/// The first commit behind a position for which something holds that holds for all later ones too.
fn first(
    view: &View,
    after: Position,
    holds: impl Fn(&Commit) -> bool,
) -> Result<Option<(Position, Commit)>, Error> {
    for bucket in view.buckets.after(Kind::Refs, after) {
        let Some(last) = bucket.keys.prefix([keys::COMMIT]).next_back() else {
            continue;
        };
        let (key, value) = last.into_inner().map_err(storage)?;
        let (mut high, commit) = (keys::position(&key), Commit::decode(&value)?);
        if high <= after || !holds(&commit) {
            continue;
        }
        let mut found = (high, commit);
        let mut low = after.max(bucket.first.prev());
        // The record that is looked for is behind `low`, and `found` unless one is at or before `high`.
        while low < high {
            let middle = Position(low.0 + (high.0 - low.0) / 2);
            let range = keys::commit(middle.next())..=keys::commit(Position::MAX);
            let Some(next) = bucket.keys.range(range).next() else {
                break;
            };
            let (key, value) = next.into_inner().map_err(storage)?;
            let (position, commit) = (keys::position(&key), Commit::decode(&value)?);
            if holds(&commit) {
                found = (position, commit);
                high = middle;
            } else {
                low = position;
            }
        }
        return Ok(Some(found));
    }
    Ok(None)
}
