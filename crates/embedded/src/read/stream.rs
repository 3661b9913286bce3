//! Reading one stream.

use std::{iter::Peekable, vec};

use bytes::Bytes;
use fjall::{Iter, Readable};
use headwater_events::Position;
use headwater_store::{ClassesKey, Error, GapReason, Page, RunRecord};

use super::{
    Limit, Reading, gaps,
    page::{self},
};
use crate::{
    buckets::{Bucket, Kind},
    engine::storage,
    gone::Gone,
    keys,
    late::Growth,
    value::{self, Stored},
};

pub(super) fn page(
    reading: &Reading<'_>,
    (run, late): (&[u8], Option<Growth>),
    classes: ClassesKey,
    after: Position,
    limit: Limit,
) -> Result<Page, Error> {
    let nothing = Page { next: after.max(reading.tail), ..Page::default() };
    // The commonest read of all: a reader at the tail asks what is new.
    if after >= reading.tail {
        return Ok(nothing);
    }
    let gone = reading.get(&reading.view.engine.gone, run)?.map(|gone| Gone::decode(&gone)).transpose()?;
    let Some(record) = reading.run(run, late)? else {
        let mut page = nothing;
        tell_gone(&mut page, gone, after);
        gaps::tell_lost(&mut page, &reading.view.lost, after, None);
        return Ok(page);
    };
    let events = merged(reading, run, &record, after)?.filter(|stored| match stored {
        Ok(stored) => classes.classes().contains(stored.class),
        Err(_) => true,
    });
    let mut page = page::fill(events, after, reading.tail, limit)?;
    tell_gone(&mut page, gone.filter(|gone| gone.deleted), after);
    let told = gaps::effective(reading, run, record, after)?;
    let removed = gone.filter(|gone| !gone.deleted).map_or(told.removed, |gone| told.removed.max(gone.to));
    page::tell(&mut page, after, (after, removed), GapReason::Retention);
    // Nothing of the run lies before its first event.
    if !page.is_whole(after.max(record.first.prev()), told.trimmed) {
        page::tell(&mut page, after, (after, told.trimmed), GapReason::Trimmed);
    }
    gaps::tell_lost(&mut page, &reading.view.lost, after, Some(&record));
    Ok(page)
}

/// Tells of an earlier run of the name. To one who starts at the beginning, a deleted one never was.
fn tell_gone(page: &mut Page, gone: Option<Gone>, after: Position) {
    if let Some(gone) = gone.filter(|gone| !gone.deleted || after > Position::ZERO) {
        page::tell(page, after, (after, gone.to), gone.reason());
    }
}

/// A run's events behind a position, durable and transient ones merged.
fn merged<'a>(
    reading: &'a Reading<'_>,
    run: &'a [u8],
    record: &RunRecord,
    after: Position,
) -> Result<impl Iterator<Item = Result<Stored, Error>> + 'a, Error> {
    let cuts = reading.view.cuts;
    // An earlier run of this name may have been deleted and not be cleared away yet.
    let floor = after.max(record.first.prev());
    let mut bodies = Walk::new(reading, Kind::Bodies, run, floor.max(cuts.durable), record.last).peekable();
    let transient_floor = floor.max(cuts.transient).max(record.trimmed);
    let mut deltas = Walk::new(reading, Kind::Deltas, run, transient_floor, record.last).peekable();
    Ok(std::iter::from_fn(move || first_of(&mut bodies, &mut deltas)))
}

fn first_of(
    bodies: &mut Peekable<Walk<'_>>,
    deltas: &mut Peekable<Walk<'_>>,
) -> Option<Result<Stored, Error>> {
    match (bodies.peek(), deltas.peek()) {
        (Some(Ok(body)), Some(Ok(delta))) if body.position < delta.position => bodies.next(),
        (Some(Err(_)), _) | (Some(_), None) => bodies.next(),
        (_, _) => deltas.next(),
    }
}

/// The events of a run in the buckets of one kind, bucket after bucket.
struct Walk<'a> {
    reading: &'a Reading<'a>,
    run: &'a [u8],
    buckets: vec::IntoIter<Bucket>,
    /// The bucket must live while it is read.
    current: Option<(Bucket, Iter)>,
    /// What is left of the value that is being read.
    rest: vec::IntoIter<Stored>,
    after: Position,
    last: Position,
}

impl<'a> Walk<'a> {
    fn new(reading: &'a Reading<'_>, kind: Kind, run: &'a [u8], after: Position, last: Position) -> Self {
        let buckets = reading.view.buckets.after(kind, after);
        let buckets: Vec<_> = match after < last {
            true => buckets.iter().take_while(|bucket| bucket.first <= last).cloned().collect(),
            false => Vec::new(),
        };
        Self {
            reading,
            run,
            buckets: buckets.into_iter(),
            current: None,
            rest: Vec::new().into_iter(),
            after,
            last,
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Stored, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(stored) = self.rest.next() {
                return Some(Ok(stored));
            }
            if let Some((_, iter)) = &mut self.current
                && let Some(entry) = iter.next()
            {
                let read = entry.into_inner().map_err(storage);
                let read = read.and_then(|(key, value)| {
                    value::decode(&Bytes::from(value), keys::position(&key), self.after)
                });
                match read {
                    Ok(events) => self.rest = events.into_iter(),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            }
            let bucket = self.buckets.next()?;
            let range = keys::body(self.run, self.after.next())..=keys::body(self.run, self.last);
            let iter = self.reading.snapshot.range(&bucket.keys, range);
            self.current = Some((bucket, iter));
        }
    }
}
