//! Every reference points to an event, and every position that a commit record tells of has one.

use headwater_events::{Class, Position};
use headwater_store::Error;

use super::{Log, Report, events::dropped, name, seen::Seen};
use crate::{buckets::Kind, codec, commit::Commit, engine::storage, keys};

pub(super) fn check(log: &Log, seen: &Seen, report: &mut Report) -> Result<(), Error> {
    let mut missing = Missing::new(log);
    for bucket in log.buckets.of(Kind::Refs) {
        for entry in bucket.keys.iter() {
            let (key, value) = entry.into_inner().map_err(storage)?;
            let position = keys::position(&key);
            if key.first() == Some(&keys::COMMIT) {
                report.commits += 1;
                match Commit::decode(&value) {
                    Ok(commit) => missing.look(&commit, position, seen, report),
                    Err(error) => report.tell(format_args!("commit at {position}: {error}")),
                }
                continue;
            }
            report.references += 1;
            if position > log.cuts.durable
                && !seen.contains(position)
                && !is_gone(log, &key, &value, position)?
            {
                report.tell(format_args!("the reference {} to {position} points to nothing", name(&key)));
            }
        }
    }
    if missing.count > log.cleared {
        report.tell(format_args!(
            "{} events are missing, the first at {}; {} were cleared away after their stream was deleted",
            missing.count, missing.first, log.cleared
        ));
    }
    Ok(())
}

/// Whether the run that a reference belongs to was deleted or taken whole.
fn is_gone(log: &Log, key: &[u8], stream: &[u8], position: Position) -> Result<bool, Error> {
    let skip = if key.first() == Some(&keys::LANE) { 3 } else { 1 };
    let tenant = &key[skip..key.len().saturating_sub(9).max(skip)];
    let run = [tenant, b"\0", stream].concat();
    let run = log.engine.runs.get(run).map_err(storage)?.map(|run| codec::decode_run(&run)).transpose()?;
    Ok(run.is_none_or(|run| position < run.first))
}

/// Events that a commit record tells of and that are not there.
struct Missing<'a> {
    log: &'a Log,
    dropped: [Vec<(Position, Position)>; 2],
    count: u64,
    first: Position,
}

impl<'a> Missing<'a> {
    fn new(log: &'a Log) -> Self {
        let dropped = [dropped(log, Kind::Bodies), dropped(log, Kind::Deltas)];
        Self { log, dropped, count: 0, first: Position::ZERO }
    }

    fn look(&mut self, commit: &Commit, last: Position, seen: &Seen, report: &mut Report) {
        if commit.first.0 + commit.classes.len() as u64 != last.0 + 1 {
            report.tell(format_args!("the commit at {last} does not tell of all its events"));
        }
        for (position, class) in (commit.first.0..).map(Position).zip(&commit.classes) {
            let (dropped, cut) = match class {
                Class::Transient => (&self.dropped[1], self.log.cuts.transient),
                Class::Durable | Class::Internal => (&self.dropped[0], self.log.cuts.durable),
            };
            let expected =
                position > cut && !dropped.iter().any(|(from, to)| (*from..=*to).contains(&position));
            if expected && !seen.contains(position) {
                if self.count == 0 {
                    self.first = position;
                }
                self.count += 1;
            }
        }
    }
}
