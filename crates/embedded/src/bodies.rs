//! Finding events in the values that hold them, in one bucket.

use std::ops::RangeInclusive;

use bytes::Bytes;
use fjall::Iter;
use headwater_events::{Class, Position};
use headwater_store::Error;

use crate::{
    engine::storage,
    keys,
    value::{self, Stored},
};

/// The event of a run at a position.
///
/// `range` reads the bucket, here and below.
pub(crate) fn at(
    range: impl Fn(RangeInclusive<Vec<u8>>) -> Iter,
    run: &[u8],
    position: Position,
) -> Result<Option<Stored>, Error> {
    let Some(entry) = range(keys::body(run, position)..=keys::body(run, Position::MAX)).next() else {
        return Ok(None);
    };
    let (key, value) = entry.into_inner().map_err(storage)?;
    let events = value::decode(&Bytes::from(value), keys::position(&key), position.prev())?;
    Ok(events.into_iter().next().filter(|stored| stored.position == position))
}

/// The last event of a run in `(after, to]` that ordinary readers see.
pub(crate) fn last_shown(
    range: impl Fn(RangeInclusive<Vec<u8>>) -> Iter,
    run: &[u8],
    after: Position,
    to: Position,
) -> Result<Option<Position>, Error> {
    if after >= to {
        return Ok(None);
    }
    // The value that reaches to `to` or beyond it may begin before.
    let across = range(keys::body(run, to)..=keys::body(run, Position::MAX)).take(1);
    let before = range(keys::body(run, after.next())..=keys::body(run, to)).rev();
    for entry in across.chain(before) {
        let (key, value) = entry.into_inner().map_err(storage)?;
        let events = value::decode(&Bytes::from(value), keys::position(&key), after)?;
        let shown = |stored: &&Stored| stored.position <= to && stored.class != Class::Internal;
        if let Some(last) = events.iter().rfind(shown) {
            return Ok(Some(last.position));
        }
    }
    Ok(None)
}
