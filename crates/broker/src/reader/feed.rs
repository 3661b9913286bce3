//! A tenant's feed: every class, as far back as the store's `follow` reaches.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use futures_util::StreamExt;
use headwater_events::{Cursor, Lane, Scope, Tenant};
use headwater_store::{Follow, FollowItem, FollowScope, Gap, GapReason, Store};

use super::{Begin, Reached, output::Output};
use crate::{Error, Item, Source, Start, Subscription};

/// A reader of a feed: follows the log by itself, because deltas of a whole tenant are in no other scope.
pub(crate) struct Feed {
    store: Arc<dyn Store>,
    tenant: Tenant,
    follow: Follow,
    out: Output,
}

impl Feed {
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        subscription: Subscription,
        lane: Option<Lane>,
    ) -> Result<Self, Error> {
        let Subscription { scope, filter, start, .. } = subscription;
        // A feed has no history: its oldest is what `follow` still has at hand, and what it has not is no loss.
        let earliest = start == Start::Earliest;
        let begin = Begin::resolve(&*store, &scope, lane, start).await?;
        let followed = lane.map_or_else(|| FollowScope::Tenant(scope.tenant().clone()), FollowScope::Lane);
        let follow = store.follow(&followed, begin.position).await?;
        let mut out = Output::new(begin.cursor, begin.tail, filter, false, begin.gap);
        if begin.position >= begin.tail {
            out.caught_up();
        }
        Ok(Self {
            store,
            tenant: scope.tenant().clone(),
            follow: if earliest { skip_first_gap(follow) } else { follow },
            out,
        })
    }

    /// How far it has come while it waits.
    pub(crate) fn reached(&self) -> &Arc<Reached> {
        self.out.reached()
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
            self.out.rests();
            match self.follow.next().await {
                Some(Ok(FollowItem::Batch(batch))) => {
                    // Lanes span tenants.
                    let own = batch.iter().filter(|record| record.tenant() == self.tenant.as_str());
                    self.out.records(own.cloned().collect());
                }
                Some(Ok(FollowItem::Gap(gap))) if gap.reason == GapReason::Reset => {
                    let begin = Cursor::new(self.out.cursor().scope(), self.store.epoch(), gap.to);
                    self.out.begin_anew(begin, gap.to);
                }
                Some(Ok(FollowItem::Deleted { stream, to, tenant })) => {
                    if tenant == self.tenant {
                        let from = self.out.position();
                        let to = to.max(from);
                        self.out.gap(Gap { from, to, reason: GapReason::Deleted, stream: Some(stream) });
                    }
                }
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
