//! History: the newest from memory, everything else by scanning the lane.

mod filler;
mod place;
mod pool;
mod recent;
mod scan;
mod wanted;

use headwater_events::Position;
use headwater_store::{Error, GapReason, Page, ReadScope, RunRecord};

use self::{
    filler::{Budget, Filler},
    scan::Ended,
    wanted::Wanted,
};
pub(crate) use self::{pool::Pool, scan::is_void};
use crate::{engine::Engine, lane_log::LaneLog, names::run_key};

/// A page of a scope.
pub(crate) async fn read(
    engine: &Engine,
    scope: &ReadScope,
    after: Position,
    limit: usize,
    max_bytes: usize,
) -> Result<Page, Error> {
    let wanted = Wanted::new(scope, engine.lanes())?;
    let budget = Budget { records: engine.options.scan_records, bytes: engine.options.scan_bytes };
    let mut filler = Filler::new(after, limit, max_bytes, budget);
    let Some(log) = engine.lane(wanted.lane) else { return Ok(filler.into_page()) };
    // What is known to be there often fills the page; otherwise the server tells what else is there by now.
    let known = log.reached();
    fill(engine, log, scope, &wanted, &mut filler, known).await?;
    if !filler.is_finished() {
        let end = engine.ends.now().await?.lane(wanted.lane);
        if end > known || filler.at() < known {
            engine.caught_up(wanted.lane, end).await?;
            fill(engine, log, scope, &wanted, &mut filler, log.reached()).await?;
        }
    }
    Ok(filler.into_page())
}

/// Fills the page with what there is up to `to`, which the follower has reached.
async fn fill(
    engine: &Engine,
    log: &LaneLog,
    scope: &ReadScope,
    wanted: &Wanted,
    filler: &mut Filler,
    to: Position,
) -> Result<(), Error> {
    if filler.at() >= to {
        return Ok(());
    }
    let scope_end = match scope {
        ReadScope::Stream(tenant, stream, _) => {
            let Some(run) = engine.runs.get(tenant, stream) else {
                filler.pass(to);
                return Ok(());
            };
            // Nothing of the run stands before its first event.
            filler.pass(run.first.prev().min(to));
            // Entries of others with the run's key are not in its record, and readers are told of them.
            let foreign = log.last_undecodable(run_key(tenant.as_str(), stream.as_str()).as_bytes());
            run.last.max(foreign.unwrap_or_default()).min(to)
        }
        _ => to,
    };
    if filler.at() < scope_end && !recent::fill(log, engine.lanes(), wanted, filler, scope_end) {
        while filler.at() < scope_end && !filler.is_finished() {
            let run = match scope {
                ReadScope::Stream(tenant, stream, _) => engine.runs.get(tenant, stream),
                _ => None,
            };
            tell_removed(log, filler, run, scope_end);
            if scan::scan(engine, wanted, filler, scope_end).await? == Ended::OutOfRange {
                for (lane, low) in engine.ends.begins().await?.lanes() {
                    if let Some(log) = engine.lane(lane) {
                        log.raise_low(low);
                    }
                }
                if filler.at() >= log.low() {
                    engine.look_at_topics();
                    return Err(Error::unavailable("the log ends before a place that it had reached"));
                }
            }
        }
    }
    if !filler.is_finished() {
        filler.pass(to);
    }
    Ok(())
}

/// Tells of what retention has taken from behind the page's place.
fn tell_removed(log: &LaneLog, filler: &mut Filler, run: Option<RunRecord>, scope_end: Position) {
    let (at, low) = (filler.at(), log.low().min(scope_end));
    if at < low && run.is_none_or(|run| run.first <= low) {
        filler.missing(at, low, GapReason::Retention);
    }
}
