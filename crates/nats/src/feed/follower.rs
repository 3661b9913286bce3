//! One who follows.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use headwater_events::Position;
use headwater_store::{Follow, FollowItem, FollowScope, Gap, GapReason};

use super::{Feed, Run};

struct Follower {
    /// Keeps the feed going.
    feed: Arc<Feed>,
    scope: FollowScope,
    run: Arc<Run>,
    follow: Follow,
}

pub(super) fn follow(feed: Arc<Feed>, scope: FollowScope, after: Position) -> Follow {
    let run = feed.run();
    let follow = run.ring.follow(scope.clone(), feed.lanes, after);
    Box::pin(stream::unfold(Follower { feed, scope, run, follow }, |mut this| async move {
        let item = this.next().await?;
        Some((item, this))
    }))
}

impl Follower {
    async fn next(&mut self) -> Option<Result<FollowItem, headwater_store::Error>> {
        if let Some(item) = self.follow.next().await {
            return Some(item);
        }
        // The ring ended: with the store, or because the log began anew.
        let run = self.feed.run();
        if run.resets == self.run.resets {
            return None;
        }
        let from = self.run.ring.tail();
        self.follow = run.ring.follow(self.scope.clone(), self.feed.lanes, Position::ZERO);
        self.run = run;
        let gap = Gap { from, to: Position::ZERO, reason: GapReason::Reset, stream: None };
        Some(Ok(FollowItem::Gap(gap)))
    }
}
