//! When a lane may have something new: the log as it grows wakes those that wait for work.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream::SelectAll};
use headwater_events::{Class, Lane, Position};
use headwater_store::{Error as StoreError, Follow, FollowItem, FollowScope, Store};
use tokio::{sync::Notify, task::AbortHandle};

use crate::{Error, api::groups::Group};

/// How long to wait before following again after it failed.
const RETRY: Duration = Duration::from_millis(500);

/// Which lanes have had events since somebody looked.
pub(super) struct Activity {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Default)]
struct Shared {
    touched: Mutex<Touched>,
    notify: Notify,
}

/// Some lanes, or all.
#[derive(Default)]
pub(super) struct Touched {
    all: bool,
    lanes: HashSet<Lane>,
}

impl Touched {
    pub(super) fn contains(&self, lane: Lane) -> bool {
        self.all || self.lanes.contains(&lane)
    }
}

impl Activity {
    /// Follows what a group covers.
    pub(super) async fn start(store: Arc<dyn Store>, group: &Group) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let follow = open(&*store, group).await?;
        let task = tokio::spawn(run(Arc::clone(&shared), store, group.clone(), follow)).abort_handle();
        Ok(Self { shared, task })
    }

    /// Waits until something has come since [`Activity::take`].
    pub(super) async fn changed(&self) {
        self.shared.notify.notified().await;
    }

    pub(super) fn take(&self) -> Touched {
        std::mem::take(&mut *self.shared.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn open(store: &dyn Store, group: &Group) -> Result<SelectAll<Follow>, StoreError> {
    let mut all = SelectAll::new();
    if store.capabilities().vector_positions {
        for lane in (0..store.lanes()).map(Lane) {
            let tail: Position = store.lane_tail(lane).await?;
            all.push(store.follow(&FollowScope::Lane(lane), tail).await?);
        }
    } else {
        let scope = group.tenant.clone().map_or(FollowScope::All, FollowScope::Tenant);
        all.push(store.follow(&scope, store.tail().await?).await?);
    }
    Ok(all)
}

async fn run(shared: Arc<Shared>, store: Arc<dyn Store>, group: Group, mut follow: SelectAll<Follow>) {
    let lanes = store.lanes();
    loop {
        match follow.next().await {
            Some(Ok(FollowItem::Batch(batch))) => {
                let own = batch.iter().filter(|record| {
                    record.class() == Class::Durable
                        && group.tenant.as_ref().is_none_or(|tenant| tenant.as_str() == record.tenant())
                });
                let mut touched = shared.touched.lock().unwrap_or_else(PoisonError::into_inner);
                let before = touched.lanes.len();
                touched.lanes.extend(own.map(|record| record.lane(lanes)));
                let any = touched.lanes.len() > before;
                drop(touched);
                if any {
                    shared.notify.notify_one();
                }
            }
            Some(Ok(FollowItem::Gap(_))) => all(&shared),
            Some(Ok(FollowItem::Deleted { .. })) => {}
            Some(Err(StoreError::Closed)) => return,
            ended => {
                if let Some(Err(error)) = ended {
                    tracing::warn!(%group, %error, "following the log failed; trying again");
                }
                tokio::time::sleep(RETRY).await;
                match open(&*store, &group).await {
                    Ok(again) => follow = again,
                    Err(StoreError::Closed) => return,
                    Err(_) => follow = SelectAll::new(),
                }
                // What came meanwhile came unseen.
                all(&shared);
            }
        }
    }
}

fn all(shared: &Shared) {
    shared.touched.lock().unwrap_or_else(PoisonError::into_inner).all = true;
    shared.notify.notify_one();
}
