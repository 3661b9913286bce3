//! The newest records of a lane, from memory.

use futures_util::{FutureExt, StreamExt};
use headwater_events::Position;
use headwater_store::{FollowItem, FollowScope};

use super::{filler::Filler, wanted::Wanted};
use crate::lane_log::LaneLog;

/// Fills the page from what the follower has taken in, up to `to`. `false`: not all of it is in memory, and nothing
/// was done.
pub(super) fn fill(log: &LaneLog, lanes: u16, wanted: &Wanted, filler: &mut Filler, to: Position) -> bool {
    let after = filler.at();
    let mut follow = log.ring.follow(FollowScope::All, lanes, after);
    let mut batches = Vec::new();
    let mut reach = after;
    while reach < to {
        match follow.next().now_or_never() {
            Some(Some(Ok(FollowItem::Batch(batch)))) => {
                reach = batch.last().map_or(reach, headwater_store::Record::position);
                batches.push(batch);
            }
            // A gap does not say whose records are missing: the log does.
            Some(Some(Ok(_) | Err(_))) => return false,
            // What is left up to `to` are places without records.
            None | Some(None) => break,
        }
    }
    for record in batches.iter().flat_map(|batch| batch.iter()) {
        if record.position() > to {
            break;
        }
        if !wanted.has(record) {
            filler.pass(record.position());
        } else if !filler.offer(record) {
            return true;
        }
    }
    filler.pass(to);
    true
}
