//! One follower of the log, and the routes of what it brings.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_events::Position;
use headwater_store::{FollowScope, Store};
use tokio::sync::{Notify, OnceCell};

use super::{Hub, pump, routes::Routes};
use crate::Error;

/// What the hub knows of an upstream: its readers are counted before it is open, so that it cannot go in between.
#[derive(Default)]
pub(super) struct Seat {
    pub(super) upstream: Arc<OnceCell<Arc<Upstream>>>,
    pub(super) readers: usize,
}

/// A part of the log that is followed once for all its readers.
pub(super) struct Upstream {
    pub(super) followed: FollowScope,
    routes: Mutex<Routes>,
    unread: Notify,
}

impl Upstream {
    /// Follows from the present end on.
    pub(super) async fn open(hub: &Arc<Hub>, followed: FollowScope) -> Result<Arc<Self>, Error> {
        let from = tail(&*hub.store, &followed).await?;
        let follow = hub.store.follow(&followed, from).await?;
        let routes = Mutex::new(Routes::new(from));
        let upstream = Arc::new(Self { followed, routes, unread: Notify::new() });
        hub.tasks.spawn(pump::run(Arc::clone(hub), Arc::clone(&upstream), follow));
        Ok(upstream)
    }

    /// The last reader has left.
    pub(super) fn unread(&self) {
        self.unread.notify_one();
    }

    /// Waits until the last reader has left; everything that is followed for good waits for ever.
    pub(super) async fn left(&self) {
        match self.followed {
            FollowScope::Tenant(_) => self.unread.notified().await,
            FollowScope::All | FollowScope::Lane(_) => std::future::pending().await,
        }
    }

    pub(super) fn routes(&self) -> MutexGuard<'_, Routes> {
        // Nothing under this lock can panic half-way through a change.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn tail(store: &dyn Store, followed: &FollowScope) -> Result<Position, Error> {
    Ok(match followed {
        FollowScope::Lane(lane) => store.lane_tail(*lane).await?,
        FollowScope::All | FollowScope::Tenant(_) => store.tail().await?,
    })
}
