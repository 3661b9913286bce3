//! Reading a lane over all tenants: their references in it, merged.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use fjall::Readable;
use headwater_events::{Lane, Position};
use headwater_store::{Error, GapReason, Page};

use super::{
    Limit, Reading,
    entries::Entries,
    gaps,
    page::{self},
    refs::{self, Bodies, Scope},
};
use crate::{
    buckets::{Bucket, Kind},
    engine::storage,
    keys, meta,
    refs::Source,
    value::Stored,
};

pub(super) fn page(reading: &Reading<'_>, lane: Lane, after: Position, limit: Limit) -> Result<Page, Error> {
    if after >= reading.tail {
        return Ok(Page { next: after, ..Page::default() });
    }
    let start = after.max(reading.view.cuts.durable);
    let mut merge = Merge {
        reading,
        lane,
        after: start,
        buckets: reading.view.buckets.after(Kind::Refs, start).iter().cloned().collect(),
        heads: BinaryHeap::new(),
        tenants: Vec::new(),
        bodies: Bodies::new(reading),
    };
    let events = std::iter::from_fn(|| merge.next().transpose());
    let mut page = page::fill(events, after, reading.tail, limit)?;
    let removed = removed(reading, lane, after)?;
    page::tell(&mut page, after, (after, removed), GapReason::Retention);
    gaps::tell_lost_everywhere(&mut page, &reading.view.lost, after);
    Ok(page)
}

/// The last position that retention has removed from the lane.
fn removed(reading: &Reading<'_>, lane: Lane, after: Position) -> Result<Position, Error> {
    let mut last = Position::ZERO;
    for entry in reading.snapshot.prefix(&reading.view.engine.meta, meta::removed_key(&lane_prefix(lane))) {
        last = last.max(keys::position(&entry.value().map_err(storage)?));
    }
    if after < reading.view.cuts.durable {
        for bucket in reading.view.buckets.of(Kind::Refs) {
            if bucket.first > reading.view.cuts.durable {
                break;
            }
            for scope in tenants(reading, bucket, lane)? {
                last = last.max(refs::removed(reading, &scope, after)?);
            }
        }
    }
    Ok(last)
}

/// The references of one bucket after the other, those of its tenants merged by position.
struct Merge<'a> {
    reading: &'a Reading<'a>,
    lane: Lane,
    after: Position,
    buckets: VecDeque<Bucket>,
    /// The next position of each tenant.
    heads: BinaryHeap<Reverse<(Position, usize)>>,
    /// Each with the source of its next position.
    tenants: Vec<(Scope, Entries, Source)>,
    bodies: Bodies<'a>,
}

impl Merge<'_> {
    fn next(&mut self) -> Result<Option<Stored>, Error> {
        loop {
            let Some(Reverse((position, tenant))) = self.heads.pop() else {
                match self.buckets.pop_front() {
                    Some(bucket) => self.enter(&bucket)?,
                    None => return Ok(None),
                }
                continue;
            };
            let source = std::mem::take(&mut self.tenants[tenant].2);
            self.advance(tenant)?;
            if let Some(stored) = self.bodies.get(&self.tenants[tenant].0, &source, position)? {
                return Ok(Some(stored));
            }
        }
    }

    fn enter(&mut self, bucket: &Bucket) -> Result<(), Error> {
        self.tenants.clear();
        for scope in tenants(self.reading, bucket, self.lane)? {
            let entries = Entries::new(self.reading, bucket, &scope, self.after);
            self.tenants.push((scope, entries, Source::default()));
        }
        (0..self.tenants.len()).try_for_each(|tenant| self.advance(tenant))
    }

    fn advance(&mut self, tenant: usize) -> Result<(), Error> {
        let (_, entries, next) = &mut self.tenants[tenant];
        if let Some((position, source)) = entries.next()? {
            *next = source;
            self.heads.push(Reverse((position, tenant)));
        }
        Ok(())
    }
}

/// The tenants that have references in a lane of a bucket, found by one seek each.
fn tenants(reading: &Reading<'_>, bucket: &Bucket, lane: Lane) -> Result<Vec<Scope>, Error> {
    let prefix = lane_prefix(lane);
    let mut tenants = Vec::new();
    let mut from = prefix.clone();
    loop {
        let Some(entry) = reading.snapshot.range(&bucket.keys, from..).next() else {
            return Ok(tenants);
        };
        let key = entry.key().map_err(storage)?;
        if !key.starts_with(&prefix) {
            return Ok(tenants);
        }
        let scope = Scope::of_lane_key(&key);
        // Directly behind all positions of this tenant: its name ends with a zero.
        from = scope.prefix().to_vec();
        if let Some(end) = from.last_mut() {
            *end = 1;
        }
        tenants.push(scope);
    }
}

fn lane_prefix(lane: Lane) -> Vec<u8> {
    [&[keys::LANE], lane.0.to_be_bytes().as_slice()].concat()
}
