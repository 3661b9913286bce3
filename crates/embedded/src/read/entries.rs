//! The references of one scope in one bucket, taken out of the values that hold them.

use std::vec;

use bytes::Bytes;
use fjall::{Iter, Readable};
use headwater_events::Position;
use headwater_store::Error;

use super::{Reading, refs::Scope};
use crate::{
    buckets::Bucket,
    engine::storage,
    keys,
    refs::{Refs, Source},
};

/// References behind a position.
pub(super) struct Entries {
    values: Iter,
    sources: Vec<Source>,
    rest: vec::IntoIter<(Position, usize)>,
    after: Position,
    /// The bucket must live while it is read.
    _bucket: Bucket,
}

impl Entries {
    pub(super) fn new(reading: &Reading<'_>, bucket: &Bucket, scope: &Scope, after: Position) -> Self {
        let range = scope.key(after.next())..=scope.key(Position::MAX);
        Self {
            values: reading.snapshot.range(&bucket.keys, range),
            sources: Vec::new(),
            rest: Vec::new().into_iter(),
            after,
            _bucket: bucket.clone(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<(Position, Source)>, Error> {
        loop {
            for (position, source) in self.rest.by_ref() {
                // The first value may begin before what is asked for.
                if position > self.after
                    && let Some(source) = self.sources.get(source)
                {
                    return Ok(Some((position, source.clone())));
                }
            }
            let Some(entry) = self.values.next() else {
                return Ok(None);
            };
            let (key, value) = entry.into_inner().map_err(storage)?;
            let refs = Refs::decode(&Bytes::from(value), keys::position(&key))?;
            (self.sources, self.rest) = (refs.sources, refs.entries.into_iter());
        }
    }
}

/// The last reference of a scope in a bucket in `(after, to]`.
pub(super) fn last(
    reading: &Reading<'_>,
    bucket: &Bucket,
    scope: &Scope,
    after: Position,
    to: Position,
) -> Result<Option<Position>, Error> {
    // The value that reaches to `to` or beyond it may begin before.
    let across = reading.snapshot.range(&bucket.keys, scope.key(to)..=scope.key(Position::MAX)).next();
    if let Some(entry) = across {
        let (key, value) = entry.into_inner().map_err(storage)?;
        let refs = Refs::decode(&Bytes::from(value), keys::position(&key))?;
        let last = refs.entries.iter().map(|(position, _)| *position).rfind(|position| *position <= to);
        if last.is_some_and(|last| last > after) {
            return Ok(last);
        }
    }
    if after >= to {
        return Ok(None);
    }
    let before = reading.snapshot.range(&bucket.keys, scope.key(after.next())..=scope.key(to)).next_back();
    before.map(|entry| Ok(keys::position(&entry.key().map_err(storage)?))).transpose()
}
