//! The task that follows a part of the log.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use headwater_store::{Error, Follow, FollowItem, GapReason};

use super::{Hub, upstream::Upstream};

/// How long to wait before following again after the store failed, first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long a tenant is still followed after its last reader has left: most come back.
const LINGER: Duration = Duration::from_secs(10);

/// Follows until the hub is closed, or nobody reads any more. When the follower fails it is opened again where it
/// was, with a growing pause.
pub(super) async fn run(hub: Arc<Hub>, upstream: Arc<Upstream>, mut follow: Follow) {
    let mut pause = RETRY.0;
    let mut unread = std::pin::pin!(unread(&upstream));
    loop {
        let item = tokio::select! {
            () = hub.stop.cancelled() => return,
            () = &mut unread => {
                if hub.retire(&upstream.followed) {
                    return;
                }
                unread.set(self::unread(&upstream));
                continue;
            }
            item = follow.next() => item,
        };
        match item {
            Some(Ok(item)) => {
                pause = RETRY.0;
                take(&hub, &upstream, item);
            }
            Some(Err(Error::Closed)) | None if hub.stop.is_cancelled() => return,
            Some(Err(Error::Closed)) => {
                upstream.routes().close();
                return;
            }
            other => {
                if let Some(Err(error)) = other {
                    tracing::warn!(%error, "following the log failed; trying again");
                }
                tokio::select! {
                    () = hub.stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(RETRY.1);
                let after = upstream.routes().position();
                match hub.store.follow(&upstream.followed, after).await {
                    Ok(again) => follow = again,
                    Err(Error::Closed) => {
                        upstream.routes().close();
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "following the log failed; trying again");
                        follow = futures_util::stream::empty().boxed();
                    }
                }
            }
        }
    }
}

/// The last reader left, a while ago.
async fn unread(upstream: &Upstream) {
    upstream.left().await;
    tokio::time::sleep(LINGER).await;
}

fn take(hub: &Hub, upstream: &Upstream, item: FollowItem) {
    match item {
        FollowItem::Batch(batch) => {
            let touched = upstream.routes().route(&batch);
            for ring in &touched {
                if hub.over_budget() {
                    ring.shrink();
                }
                ring.wake();
            }
        }
        FollowItem::Gap(gap) if gap.reason == GapReason::Reset => {
            tracing::warn!("the log begins anew: readers start again at its oldest");
            upstream.routes().reset(gap.to);
        }
        FollowItem::Gap(gap) => {
            tracing::debug!(from = %gap.from, to = %gap.to, reason = %gap.reason, "hub fell behind the log");
            upstream.routes().skip_to(gap.to);
        }
        FollowItem::Deleted { tenant, stream, to } => upstream.routes().deleted(&tenant, &stream, to),
    }
}
