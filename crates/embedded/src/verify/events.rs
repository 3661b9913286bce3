//! Every event: readable, whole, in its place, and referred to.

use bytes::Bytes;
use headwater_events::{Class, Position, lane_of};
use headwater_store::Error;

use super::{Log, Report, seen::Seen};
use crate::{
    buckets::{Bucket, Kind},
    engine::storage,
    keys, value,
};

/// Checks all events and gives which positions have one.
pub(super) fn check(log: &Log, report: &mut Report) -> Result<Seen, Error> {
    let oldest = [Kind::Bodies, Kind::Deltas].into_iter().filter_map(|kind| log.buckets.of(kind).first());
    let after = oldest.map(|bucket| bucket.first.prev()).min().unwrap_or(log.last);
    let mut seen = Seen::new(after, log.last);
    for kind in [Kind::Bodies, Kind::Deltas] {
        let buckets = log.buckets.of(kind);
        for (at, bucket) in buckets.iter().enumerate() {
            let end = buckets.get(at + 1).map_or(log.last, |next| next.first.prev());
            for entry in bucket.keys.iter() {
                let (key, value) = entry.into_inner().map_err(storage)?;
                let key = Bytes::from(key);
                let position = keys::position(&key);
                if position < bucket.first || position > end {
                    report.tell(format_args!("position {position} is in the wrong bucket"));
                }
                if !seen.insert(position) {
                    report.tell(format_args!("position {position} stands twice, or beyond the log's end"));
                }
                if let Err(why) = event(log, kind, &key, &Bytes::from(value), report) {
                    report.tell(format_args!("position {position}: {why}"));
                }
            }
        }
    }
    Ok(seen)
}

fn event(log: &Log, kind: Kind, key: &Bytes, stored: &Bytes, report: &mut Report) -> Result<(), Error> {
    let position = keys::position(key);
    report.bytes += stored.len().saturating_sub(value::HEADER) as u64;
    let record = value::decode(stored, position)?;
    let run = keys::run_of(key);
    let wrong = |what: &str| Err(Error::corrupt(Some(position), what));
    let Some((tenant, stream)) = keys::split(&run) else {
        return wrong("the key has no tenant and stream");
    };
    if record.tenant() != tenant || record.event().stream() != stream {
        return wrong("the event belongs to another stream");
    }
    match record.class() {
        Class::Durable => report.durable += 1,
        Class::Transient => report.transient += 1,
        Class::Internal => report.internal += 1,
    }
    if (record.class() == Class::Transient) != (kind == Kind::Deltas) {
        return wrong("the event stands among those of another class");
    }
    if record.class() == Class::Durable && position > log.cuts.durable {
        let lane = lane_of(tenant, stream, log.identity.lanes).0;
        for key in [keys::tenant(tenant, position), keys::lane(lane, tenant, position)] {
            let refs = log.buckets.at(Kind::Refs, position);
            let found = refs.map(|refs: &Bucket| refs.keys.get(key).map_err(storage)).transpose()?.flatten();
            if found.as_deref() != Some(stream.as_bytes()) {
                return wrong("a reference to the event is missing");
            }
        }
    }
    Ok(())
}

/// Stretches whose buckets were dropped from between others: nothing is expected there.
pub(super) fn dropped(log: &Log, kind: Kind) -> Vec<(Position, Position)> {
    let buckets = log.buckets.of(kind);
    let mut dropped: Vec<_> = buckets
        .windows(2)
        .filter(|pair| pair[0].id + 1 != pair[1].id)
        .map(|pair| (pair[0].first, pair[1].first.prev()))
        .collect();
    // What comes before the oldest bucket, or everything where there is none.
    let first = buckets.first().map_or(Position::MAX, |bucket| bucket.first);
    dropped.push((Position::ZERO, first.prev()));
    dropped
}
