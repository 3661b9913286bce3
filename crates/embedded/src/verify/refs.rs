//! Every reference points to an event, every event has its references, and every position that a commit record
//! tells of has an event.

use bytes::Bytes;
use headwater_events::{Position, lane_of};
use headwater_store::Error;

use super::{Log, Report, events::Found, missing::Missing, name};
use crate::{buckets::Kind, codec, commit::Commit, engine::storage, keys, refs::Refs, value};

pub(super) fn check(log: &Log, found: &mut Found, report: &mut Report) -> Result<(), Error> {
    let mut missing = Missing::new(log);
    for bucket in log.buckets.of(Kind::Refs) {
        for entry in bucket.keys.iter() {
            let (key, value) = entry.into_inner().map_err(storage)?;
            let position = keys::position(&key);
            if key.first() == Some(&keys::COMMIT) {
                report.commits += 1;
                match Commit::decode(&value) {
                    Ok(commit) => missing.look(&commit, position, &found.seen, report),
                    Err(error) => report.tell(format_args!("commit at {position}: {error}")),
                }
                continue;
            }
            match Refs::decode(&Bytes::from(value), position) {
                Ok(refs) => references(log, &key, &refs, found, report)?,
                Err(error) => report.tell(format_args!("references {} to {position}: {error}", name(&key))),
            }
        }
    }
    missing.tell(report);
    for position in found.unreferred() {
        report.tell(format_args!("position {position}: a reference to the event is missing"));
    }
    Ok(())
}

/// Looks at the references of one value.
fn references(
    log: &Log,
    key: &[u8],
    refs: &Refs,
    found: &mut Found,
    report: &mut Report,
) -> Result<(), Error> {
    let in_lane = key.first() == Some(&keys::LANE);
    let skip = if in_lane { 3 } else { 1 };
    let tenant = &key[skip..key.len().saturating_sub(9).max(skip)];
    let mut sources: Vec<Option<(Vec<u8>, Vec<Position>)>> = vec![None; refs.sources.len()];
    for &(position, source) in &refs.entries {
        report.references += 1;
        if position <= log.cuts.durable {
            continue;
        }
        let (run, held) = match &mut sources[source] {
            Some(known) => known,
            unknown => {
                let source = &refs.sources[source];
                let run = [tenant, b"\0", &source.stream].concat();
                let held = held(log, &run, source.value)?;
                unknown.insert((run, held))
            }
        };
        let right_lane = !in_lane
            || keys::split(run).is_some_and(|(tenant, stream)| {
                key[1..3] == lane_of(tenant, stream, log.identity.lanes).0.to_be_bytes()
            });
        if right_lane && found.is_durable(position) && held.binary_search(&position).is_ok() {
            if !found.refer(position, in_lane) {
                report.tell(format_args!("the reference {} to {position} stands twice", name(key)));
            }
        } else if !is_gone(log, run, position)? {
            report.tell(format_args!("the reference {} to {position} points to nothing", name(key)));
        }
    }
    Ok(())
}

/// The positions in the value of a run whose last one is at `last`; none where there is no such value.
fn held(log: &Log, run: &[u8], last: Position) -> Result<Vec<Position>, Error> {
    let value = match log.buckets.at(Kind::Bodies, last) {
        Some(bucket) => bucket.keys.get(keys::body(run, last)).map_err(storage)?,
        None => None,
    };
    // One that cannot be read has been told of.
    let events = value.and_then(|value| value::decode(&Bytes::from(value), last, Position::ZERO).ok());
    Ok(events.unwrap_or_default().iter().map(|stored| stored.position).collect())
}

/// Whether the run that a reference belongs to was deleted or taken whole.
fn is_gone(log: &Log, run: &[u8], position: Position) -> Result<bool, Error> {
    let run = log.engine.runs.get(run).map_err(storage)?.map(|run| codec::decode_run(&run)).transpose()?;
    Ok(run.is_none_or(|run| position < run.first))
}
