//! Reading a tenant, or a lane of one, by references.

use std::{collections::HashMap, vec};

use bytes::Bytes;
use headwater_events::{Lane, Position, Tenant};
use headwater_store::{Error, GapReason, Page};

use super::{
    Limit, Reading,
    entries::{self, Entries},
    gaps,
    page::{self},
};
use crate::{
    buckets::{Bucket, Kind},
    codec, keys, meta,
    refs::Source,
    value::{self, Stored},
};

/// A scope that has an index of references of its own.
pub(super) struct Scope {
    tenant: Bytes,
    /// What the keys of its references start with.
    prefix: Vec<u8>,
}

impl Scope {
    pub(super) fn tenant(tenant: &Tenant) -> Self {
        Self::new(tenant.as_str().as_bytes(), &keys::tenant(tenant.as_str(), Position::ZERO))
    }

    pub(super) fn lane_of_tenant(tenant: &Tenant, lane: Lane) -> Self {
        Self::new(tenant.as_str().as_bytes(), &keys::lane(lane.0, tenant.as_str(), Position::ZERO))
    }

    /// The scope of a key of a lane's reference.
    pub(super) fn of_lane_key(key: &[u8]) -> Self {
        Self::new(&key[3..key.len().saturating_sub(9).max(3)], key)
    }

    fn new(tenant: &[u8], key: &[u8]) -> Self {
        Self { tenant: Bytes::copy_from_slice(tenant), prefix: key[..key.len() - 8].to_vec() }
    }

    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    pub(super) fn key(&self, position: Position) -> Vec<u8> {
        [self.prefix.as_slice(), &position.0.to_be_bytes()].concat()
    }

    /// `tenant 0 stream`.
    pub(super) fn run(&self, stream: &[u8]) -> Vec<u8> {
        [&self.tenant, b"\0".as_slice(), stream].concat()
    }
}

pub(super) fn page(
    reading: &Reading<'_>,
    scope: &Scope,
    after: Position,
    limit: Limit,
) -> Result<Page, Error> {
    if after >= reading.tail {
        return Ok(Page { next: after, ..Page::default() });
    }
    let mut bodies = Bodies::new(reading);
    let walk = Walk::new(reading, scope, after.max(reading.view.cuts.durable));
    let events = walk.filter_map(|reference| match reference {
        Ok((position, source)) => bodies.get(scope, &source, position).transpose(),
        Err(error) => Some(Err(error)),
    });
    let mut page = page::fill(events, after, reading.tail, limit)?;
    let removed = removed(reading, scope, after)?;
    page::tell(&mut page, after, (after, removed), GapReason::Retention);
    gaps::tell_lost_everywhere(&mut page, &reading.view.lost, after);
    Ok(page)
}

/// The last position that retention has removed from a scope.
pub(super) fn removed(reading: &Reading<'_>, scope: &Scope, after: Position) -> Result<Position, Error> {
    let known = reading.get(&reading.view.engine.meta, &meta::removed_key(scope.prefix()))?;
    let known = known.map_or(Position::ZERO, |value| keys::position(&value));
    let cut = reading.view.cuts.durable;
    if after >= cut || known >= cut {
        return Ok(known);
    }
    let buckets = reading.view.buckets.after(Kind::Refs, known);
    for bucket in buckets.iter().rev().filter(|bucket| bucket.first <= cut) {
        if let Some(last) = entries::last(reading, bucket, scope, known, cut)? {
            return Ok(last);
        }
    }
    Ok(known)
}

/// How many values are kept while a page is filled.
const KEPT: usize = 256;

/// Finds the events that references point to.
pub(super) struct Bodies<'a> {
    reading: &'a Reading<'a>,
    /// Where runs begin, of those that were asked for: an earlier one of the same name may have been deleted.
    firsts: HashMap<Vec<u8>, Option<Position>>,
    /// The values that were read last, of each run: they are likely to be asked for more. By their last positions.
    values: HashMap<Vec<u8>, (Position, Vec<Stored>)>,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading, firsts: HashMap::new(), values: HashMap::new() }
    }

    /// The event that a reference points to; nothing where its run was deleted.
    pub(super) fn get(
        &mut self,
        scope: &Scope,
        source: &Source,
        position: Position,
    ) -> Result<Option<Stored>, Error> {
        let run = scope.run(&source.stream);
        if position <= self.reading.view.holes && self.first(&run)?.is_none_or(|first| position < first) {
            return Ok(None);
        }
        let events = self.value(&run, source.value)?;
        let at = events.binary_search_by_key(&position, |stored| stored.position);
        let found = at.map_err(|_| Error::corrupt(Some(position), "a reference points to nothing"))?;
        Ok(Some(events[found].clone()))
    }

    /// The events of the value of a run whose last one is at `last`; none where there is no such value.
    fn value(&mut self, run: &[u8], last: Position) -> Result<&[Stored], Error> {
        if self.values.get(run).is_none_or(|(known, _)| *known != last) {
            let value = match self.reading.view.buckets.at(Kind::Bodies, last) {
                Some(bucket) => self.reading.get(&bucket.keys, &keys::body(run, last))?,
                None => None,
            };
            let decode = |value| value::decode(&Bytes::from(value), last, Position::ZERO);
            let events = value.map(decode).transpose()?.unwrap_or_default();
            if self.values.len() >= KEPT {
                self.values.clear();
            }
            self.values.insert(run.to_vec(), (last, events));
        }
        Ok(self.values.get(run).map_or(&[], |(_, events)| events))
    }

    fn first(&mut self, run: &[u8]) -> Result<Option<Position>, Error> {
        if let Some(first) = self.firsts.get(run) {
            return Ok(*first);
        }
        let record = self.reading.get(&self.reading.view.engine.runs, run)?;
        let first = record.map(|record| codec::decode_run(&record)).transpose()?.map(|record| record.first);
        self.firsts.insert(run.to_vec(), first);
        Ok(first)
    }
}

/// The references of a scope behind a position, bucket after bucket.
struct Walk<'a> {
    reading: &'a Reading<'a>,
    scope: &'a Scope,
    buckets: vec::IntoIter<Bucket>,
    current: Option<Entries>,
    after: Position,
}

impl<'a> Walk<'a> {
    fn new(reading: &'a Reading<'_>, scope: &'a Scope, after: Position) -> Self {
        let buckets = reading.view.buckets.after(Kind::Refs, after).to_vec();
        Self { reading, scope, buckets: buckets.into_iter(), current: None, after }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<(Position, Source), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.current.as_mut().map(Entries::next).transpose() {
                Ok(None | Some(None)) => {}
                Ok(Some(reference)) => return reference.map(Ok),
                Err(error) => return Some(Err(error)),
            }
            let bucket = self.buckets.next()?;
            self.current = Some(Entries::new(self.reading, &bucket, self.scope, self.after));
        }
    }
}
