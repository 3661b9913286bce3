//! A tenant's feed: every class, as far back as the store's `follow` reaches.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::StreamExt;
use headwater_events::{Cursor, Scope};
use headwater_store::{Follow, FollowItem, FollowScope, Store};

use super::{Begin, output::Output};
use crate::{Error, Item, Source, Start, Subscription};

/// A reader of a feed: follows the log by itself, because deltas of a whole tenant are in no other scope.
pub(crate) struct Feed {
    follow: Follow,
    out: Output,
}

impl Feed {
    pub(crate) async fn open(store: &dyn Store, subscription: Subscription) -> Result<Self, Error> {
        let Subscription { scope, filter, start, .. } = subscription;
        // A feed has no history: its oldest is what `follow` still has at hand, and what it has not is no loss.
        let earliest = start == Start::Earliest;
        let begin = Begin::resolve(store, &scope, start).await?;
        let follow = store.follow(&FollowScope::Tenant(scope.tenant().clone()), begin.position).await?;
        let mut out = Output::new(begin.cursor, begin.tail, filter, false, begin.gap);
        if begin.position >= begin.tail {
            out.caught_up();
        }
        Ok(Self { follow: if earliest { skip_first_gap(follow) } else { follow }, out })
    }

    /// Whether the scope is a feed.
    pub(crate) const fn serves(scope: &Scope) -> bool {
        matches!(scope, Scope::Feed(_))
    }
}

#[async_trait]
impl Source for Feed {
    async fn fill(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<bool, Error> {
        tokio::task::consume_budget().await;
        loop {
            if self.out.hand_over(out, max) {
                return Ok(true);
            }
            match self.follow.next().await {
                Some(Ok(FollowItem::Batch(batch))) => self.out.records(batch.to_vec()),
                Some(Ok(FollowItem::Gap(gap))) => {
                    let to = gap.to;
                    self.out.gap(gap);
                    self.out.advance(to);
                }
                Some(Err(error)) => return Err(error.into()),
                None => return Err(headwater_store::Error::Closed.into()),
            }
        }
    }

    fn cursor(&self) -> Cursor {
        self.out.handed_over()
    }
}

fn skip_first_gap(follow: Follow) -> Follow {
    let mut first = true;
    follow
        .filter(move |item| {
            let skip = std::mem::take(&mut first) && matches!(item, Ok(FollowItem::Gap(_)));
            std::future::ready(!skip)
        })
        .boxed()
}
