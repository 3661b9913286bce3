//! Events that a commit record tells of and that are not there.

use headwater_events::{Class, Position};

use super::{Log, Report, events::dropped, seen::Seen};
use crate::{buckets::Kind, commit::Commit};

pub(super) struct Missing<'a> {
    log: &'a Log,
    dropped: [Vec<(Position, Position)>; 2],
    count: u64,
    first: Position,
}

impl<'a> Missing<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        let dropped = [dropped(log, Kind::Bodies), dropped(log, Kind::Deltas)];
        Self { log, dropped, count: 0, first: Position::ZERO }
    }

    pub(super) fn look(&mut self, commit: &Commit, last: Position, seen: &Seen, report: &mut Report) {
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

    /// Tells of what is missing beyond what was cleared away.
    pub(super) fn tell(&self, report: &mut Report) {
        if self.count > self.log.cleared {
            report.tell(format_args!(
                "{} events are missing, the first at {}; {} were cleared away after their stream was deleted",
                self.count, self.first, self.log.cleared
            ));
        }
    }
}
