//! Every event: readable, whole, in its place, and referred to.

use bytes::Bytes;
use headwater_events::{Class, Position};
use headwater_store::Error;

use super::{Log, Report, name, seen::Seen};
use crate::{
    buckets::Kind,
    engine::storage,
    keys,
    value::{self, Stored},
};

/// Which positions have an event, and which events have references.
pub(super) struct Found {
    pub(super) seen: Seen,
    /// Durable events in sight: those that have references.
    durable: Seen,
    by_tenant: Seen,
    by_lane: Seen,
}

impl Found {
    fn new(after: Position, last: Position) -> Self {
        let new = || Seen::new(after, last);
        Self { seen: new(), durable: new(), by_tenant: new(), by_lane: new() }
    }

    /// Whether there is a durable event at a position.
    pub(super) fn is_durable(&self, position: Position) -> bool {
        self.durable.contains(position)
    }

    /// Marks that an event has a reference; gives whether it is the first of its kind.
    pub(super) fn refer(&mut self, position: Position, in_lane: bool) -> bool {
        if in_lane { self.by_lane.insert(position) } else { self.by_tenant.insert(position) }
    }

    /// The events that lack a reference.
    pub(super) fn unreferred(&self) -> impl Iterator<Item = Position> + '_ {
        self.durable.without([&self.by_tenant, &self.by_lane])
    }
}

/// Checks all events and gives which positions have one.
pub(super) fn check(log: &Log, report: &mut Report) -> Result<Found, Error> {
    let oldest = [Kind::Bodies, Kind::Deltas].into_iter().filter_map(|kind| log.buckets.of(kind).first());
    let after = oldest.map(|bucket| bucket.first.prev()).min().unwrap_or(log.last);
    let mut found = Found::new(after, log.last);
    for kind in [Kind::Bodies, Kind::Deltas] {
        let buckets = log.buckets.of(kind);
        for (at, bucket) in buckets.iter().enumerate() {
            let end = buckets.get(at + 1).map_or(log.last, |next| next.first.prev());
            for entry in bucket.keys.iter() {
                let (key, value) = entry.into_inner().map_err(storage)?;
                let (run, last) = (keys::run_of(&Bytes::from(key.clone())), keys::position(&key));
                let events = match value::decode(&Bytes::from(value), last, Position::ZERO) {
                    Ok(events) => events,
                    Err(why) => {
                        report.tell(format_args!("the events of {} up to {last}: {why}", name(&key)));
                        continue;
                    }
                };
                for stored in events {
                    let position = stored.position;
                    if position < bucket.first || position > end {
                        report.tell(format_args!("position {position} is in the wrong bucket"));
                    }
                    if !found.seen.insert(position) {
                        report
                            .tell(format_args!("position {position} stands twice, or beyond the log's end"));
                    }
                    if let Err(why) = event(log, kind, &run, stored, &mut found, report) {
                        report.tell(format_args!("position {position}: {why}"));
                    }
                }
            }
        }
    }
    Ok(found)
}

fn event(
    log: &Log,
    kind: Kind,
    run: &[u8],
    stored: Stored,
    found: &mut Found,
    report: &mut Report,
) -> Result<(), Error> {
    let position = stored.position;
    report.bytes += stored.json.len() as u64;
    let record = stored.into_record()?;
    let wrong = |what: &str| Err(Error::corrupt(Some(position), what));
    let Some((tenant, stream)) = keys::split(run) else {
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
        found.durable.insert(position);
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
