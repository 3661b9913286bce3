//! A follower of one lane: the lane's ring, and after it that of the topic's next incarnation.

use futures_util::{StreamExt, stream};
use headwater_events::{Lane, Position};
use headwater_store::{Follow, FollowItem, FollowScope, Gap, GapReason};
use tokio::sync::watch;

use crate::{
    engine::{Engine, EngineRef},
    store::Slot,
};

struct Follower {
    slot: watch::Receiver<Slot>,
    lane: Lane,
    /// Up to where it has come.
    at: Position,
    ring: Follow,
}

/// Follows a lane from behind `after`, over however many incarnations of its topic.
pub(crate) fn follow(slot: watch::Receiver<Slot>, engine: EngineRef, lane: Lane, after: Position) -> Follow {
    let ring = of_ring(&engine, lane, after);
    // The engine's connections must not live as long as whoever follows.
    drop(engine);
    let follower = Follower { slot, lane, at: after, ring };
    Box::pin(stream::unfold(
        follower,
        |mut this| async move { this.next().await.map(|item| (Ok(item), this)) },
    ))
}

fn of_ring(engine: &Engine, lane: Lane, after: Position) -> Follow {
    match engine.lane(lane) {
        // Everything in the ring is of the lane.
        Some(log) => log.ring.follow(FollowScope::All, engine.lanes(), after),
        None => Box::pin(stream::empty()),
    }
}

impl Follower {
    async fn next(&mut self) -> Option<FollowItem> {
        if let Some(Ok(item)) = self.ring.next().await {
            match &item {
                FollowItem::Batch(batch) => {
                    self.at = batch.last().map_or(self.at, headwater_store::Record::position);
                }
                FollowItem::Gap(Gap { to, .. }) | FollowItem::Deleted { to, .. } => self.at = *to,
            }
            return Some(item);
        }
        // The ring ends with the store, or with the topic: then another one takes its place.
        loop {
            let next = match &*self.slot.borrow_and_update() {
                Slot::Closed => return None,
                Slot::Away => None,
                Slot::Open(engine) => engine.lane(self.lane).map(|log| {
                    let floor = log.ring.floor();
                    (floor, of_ring(engine, self.lane, floor))
                }),
            };
            if let Some((floor, ring)) = next {
                let gap = Gap { from: self.at, to: floor, reason: GapReason::Reset, stream: None };
                (self.at, self.ring) = (floor, ring);
                return Some(FollowItem::Gap(gap));
            }
            self.slot.changed().await.ok()?;
        }
    }
}
