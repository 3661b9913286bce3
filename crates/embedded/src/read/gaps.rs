//! What is missing.

use fjall::Readable;
use headwater_events::Position;
use headwater_store::{Error, GapReason, Page, RunRecord};

use super::{Reading, page};
use crate::{bodies, buckets::Kind, view::Lost};

/// A run's record with what retention has removed since it was written, as far as a reader behind `after` asks.
///
/// Retention moves the cut of the whole log and touches the records of runs only when a bucket is dropped.
pub(crate) fn effective(
    reading: &Reading<'_>,
    run: &[u8],
    mut record: RunRecord,
    after: Position,
) -> Result<RunRecord, Error> {
    let cuts = reading.view.cuts;
    for (kind, cut) in [(Kind::Bodies, cuts.durable), (Kind::Deltas, cuts.transient)] {
        let known = if kind == Kind::Bodies { &mut record.removed } else { &mut record.trimmed };
        if after >= cut || *known >= cut || record.first > cut {
            continue;
        }
        if let Some(last) = last_at_or_before(reading, kind, run, record.first.max(known.next()), cut)? {
            *known = (*known).max(last);
        }
    }
    Ok(record)
}

/// The last event of a run up to a position that ordinary readers would have seen.
fn last_at_or_before(
    reading: &Reading<'_>,
    kind: Kind,
    run: &[u8],
    from: Position,
    to: Position,
) -> Result<Option<Position>, Error> {
    if from > to {
        return Ok(None);
    }
    let buckets = reading.view.buckets.after(kind, from.prev());
    for bucket in buckets.iter().rev().filter(|bucket| bucket.first <= to) {
        let range = |range| reading.snapshot.range(&bucket.keys, range);
        if let Some(last) = bodies::last_shown(range, run, from.prev(), to)? {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

/// Tells of what the log has lost, where the reader may be concerned: a run that is over has nothing to lose, and
/// one that began later lost nothing that a reader from the beginning would miss.
pub(super) fn tell_lost(page: &mut Page, lost: &[Lost], after: Position, run: Option<&RunRecord>) {
    let concerned = |lost: &&Lost| {
        lost.to > after
            && lost.from < page.next
            && match run {
                Some(run) if run.ended.is_some_and(|ended| ended <= lost.from) => false,
                Some(run) => run.first <= lost.from || after > Position::ZERO,
                None => after > Position::ZERO,
            }
    };
    let mut lost = lost.iter().filter(concerned);
    if let Some(first) = lost.next() {
        let to = lost.next_back().map_or(first.to, |last| last.to);
        page::tell(page, after, (first.from, to), GapReason::Lost);
    }
}

/// As [`tell_lost`], for a scope that has more than one stream.
pub(super) fn tell_lost_everywhere(page: &mut Page, lost: &[Lost], after: Position) {
    let mut lost = lost.iter().filter(|lost| lost.to > after && lost.from < page.next);
    if let Some(first) = lost.next() {
        let to = lost.next_back().map_or(first.to, |last| last.to);
        page::tell(page, after, (first.from, to), GapReason::Lost);
    }
}
