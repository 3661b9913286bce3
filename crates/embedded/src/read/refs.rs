//! Reading a tenant, or a lane of one, by references.

use std::{collections::HashMap, vec};

use bytes::Bytes;
use headwater_events::{Lane, Position, Tenant};
use headwater_store::{Error, GapReason, Page};

use super::{
    Limit, Reading,
    entries::{self, Entries},
    gaps,
    page::{self, Stored},
};
use crate::{
    buckets::{Bucket, Kind},
    codec, keys, meta,
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
        Ok((position, stream)) => bodies.get(scope.run(&stream), position).transpose(),
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

/// Finds the events that references point to.
pub(super) struct Bodies<'a> {
    reading: &'a Reading<'a>,
    /// Where runs begin, of those that were asked for: an earlier one of the same name may have been deleted.
    firsts: HashMap<Vec<u8>, Option<Position>>,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading, firsts: HashMap::new() }
    }

    /// The event of a run at a position; nothing where its run was deleted.
    pub(super) fn get(&mut self, run: Vec<u8>, position: Position) -> Result<Option<Stored>, Error> {
        let view = self.reading.view;
        let body = match view.buckets.at(Kind::Bodies, position) {
            Some(bucket) => self.reading.get(&bucket.keys, &keys::body(&run, position))?,
            None => None,
        };
        if position <= view.holes && self.first(run)?.is_none_or(|first| position < first) {
            return Ok(None);
        }
        let body = body.ok_or_else(|| Error::corrupt(Some(position), "a reference points to nothing"))?;
        Ok(Some((position, Bytes::from(body))))
    }

    fn first(&mut self, run: Vec<u8>) -> Result<Option<Position>, Error> {
        if let Some(first) = self.firsts.get(&run) {
            return Ok(*first);
        }
        let record = self.reading.get(&self.reading.view.engine.runs, &run)?;
        let first = record.map(|record| codec::decode_run(&record)).transpose()?.map(|record| record.first);
        self.firsts.insert(run, first);
        Ok(first)
    }
}

/// The references of a scope behind a position, bucket after bucket: position and stream.
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
    type Item = Result<(Position, Bytes), Error>;

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
