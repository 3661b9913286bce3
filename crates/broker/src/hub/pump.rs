//! The task that follows the log.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use headwater_events::Position;
use headwater_store::{Follow, FollowItem, FollowScope, Store};

use super::Hub;
use crate::Error;

/// How long to wait before following again after the store failed, first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

pub(super) async fn open(store: &Arc<dyn Store>, after: Position) -> Result<Follow, Error> {
    Ok(store.follow(&FollowScope::All, after).await?)
}

/// Follows until the hub is closed. When the follower fails it is opened again where it was, with a growing pause.
pub(super) async fn run(hub: Arc<Hub>, store: Arc<dyn Store>, mut follow: Follow) {
    let mut pause = RETRY.0;
    loop {
        let item = tokio::select! {
            () = hub.stop.cancelled() => return,
            item = follow.next() => item,
        };
        match item {
            Some(Ok(FollowItem::Batch(batch))) => {
                pause = RETRY.0;
                let touched = hub.routes().route(&batch);
                for ring in &touched {
                    if hub.over_budget() {
                        ring.shrink();
                    }
                    ring.wake();
                }
            }
            Some(Ok(FollowItem::Gap(gap))) => {
                tracing::debug!(from = %gap.from, to = %gap.to, reason = %gap.reason, "hub fell behind the log");
                hub.routes().skip_to(gap.to);
            }
            Some(Err(headwater_store::Error::Closed)) | None if hub.stop.is_cancelled() => return,
            Some(Err(headwater_store::Error::Closed)) => {
                hub.routes().close();
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
                let after = hub.routes().position();
                match open(&store, after).await {
                    Ok(again) => follow = again,
                    Err(Error::Store(headwater_store::Error::Closed)) => {
                        hub.routes().close();
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
