//! The newest records of a lane, from memory.

use futures_util::{FutureExt, StreamExt};
use headwater_events::Position;
use headwater_store::{FollowItem, FollowScope};

use super::{filler::Filler, wanted::Wanted};
use crate::lane_log::LaneLog;

/// Fills the page from what the follower has taken in, up to `to`. `false`: what comes next is not in memory.
pub(super) fn fill(log: &LaneLog, lanes: u16, wanted: &Wanted, filler: &mut Filler, to: Position) -> bool {
    let mut follow = log.ring.follow(FollowScope::All, lanes, filler.at());
    while filler.at() < to {
        let batch = match follow.next().now_or_never() {
            Some(Some(Ok(FollowItem::Batch(batch)))) => batch,
            // A gap does not say whose records are missing: the log does.
            Some(Some(Ok(_) | Err(_))) => return false,
            // What is left up to `to` are places without records.
            None | Some(None) => break,
        };
        for record in batch.iter().take_while(|record| record.position() <= to) {
            if wanted.has(record) && !filler.offer(record) {
                return true;
            }
            filler.pass(record.position());
        }
        if batch.last().is_some_and(|last| last.position() > to) {
            break;
        }
    }
    filler.pass(to);
    true
}
