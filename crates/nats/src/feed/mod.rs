//! The log as it grows.
//!
//! Each followed scope has a feed: one consumer, which fills a ring that all its followers read. Tenants beyond a number
//! share the feed of everything, so that neither the server nor the connection has more to do the more tenants there
//! are. A feed ends with its last follower.

mod consumer;
mod follower;
mod pump;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use headwater_events::{Position, StreamName, Tenant};
use headwater_store::{Error, Follow, FollowScope, ring::Ring};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{api::Get, codec::direct_seq, link::Link};

/// So far back a new feed reaches.
const REACH: u64 = 10_000;
/// How long followers may take at the close to get what was stored.
const LAST: Duration = Duration::from_secs(5);

/// The feeds of a store.
pub(crate) struct Feeds {
    link: Arc<Link>,
    feeds: Mutex<HashMap<FollowScope, Weak<Feed>>>,
}

/// One scope as it grows.
pub(crate) struct Feed {
    scope: FollowScope,
    lanes: u16,
    /// The ring, and how often the log had begun anew when it was made.
    ring: watch::Sender<Arc<Run>>,
    /// The last position the consumer has brought.
    reached: watch::Sender<u64>,
    /// Streams that were deleted lately: what still comes of them is not delivered.
    deleted: Mutex<HashMap<(Tenant, StreamName), u64>>,
    pump: Mutex<Option<JoinHandle<()>>>,
}

/// A ring of one numbering.
pub(crate) struct Run {
    ring: Ring,
    resets: u64,
}

impl Feeds {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, feeds: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FollowScope, Weak<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything of the scope behind `after`, as it grows.
    pub(crate) async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        let found = self.find(scope);
        let feed = match found {
            Some(feed) => feed,
            None => {
                let tail = self.link.tail().await?;
                // A place ahead of the log is one to wait for.
                let floor = after.0.clamp(tail.0.saturating_sub(REACH), tail.0);
                self.begin(scope, Position(floor))
            }
        };
        self.link.open_or()?;
        Ok(follower::follow(feed, scope.clone(), after))
    }

    fn find(&self, scope: &FollowScope) -> Option<Arc<Feed>> {
        self.lock().get(scope).and_then(Weak::upgrade)
    }

    fn begin(&self, scope: &FollowScope, floor: Position) -> Arc<Feed> {
        let mut feeds = self.lock();
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let is_tenant = |scope: &FollowScope| matches!(scope, FollowScope::Tenant(_));
        let tenants = feeds.keys().filter(|scope| is_tenant(scope)).count();
        let shared = is_tenant(scope) && tenants >= self.link.options.tenant_consumers;
        let scope = if shared { FollowScope::All } else { scope.clone() };
        if let Some(feed) = feeds.get(&scope).and_then(Weak::upgrade) {
            return feed;
        }
        let feed = Feed::start(Arc::clone(&self.link), scope.clone(), floor);
        feeds.insert(scope, Arc::downgrade(&feed));
        feed
    }

    /// A stream was deleted up to there: it is taken out of what is kept, and followers are told.
    pub(crate) fn deleted(&self, tenant: &Tenant, stream: &StreamName, to: u64) {
        self.link.scans.forget();
        let feeds: Vec<_> = self.lock().values().filter_map(Weak::upgrade).collect();
        for feed in feeds {
            feed.deleted(tenant, stream, to);
        }
    }

    /// Ends the feeds once they have brought what was stored.
    pub(crate) async fn end(&self) {
        let deadline = Instant::now() + LAST;
        let feeds: Vec<_> = self.lock().drain().filter_map(|(_, feed)| feed.upgrade()).collect();
        for feed in feeds {
            let last = Get { last_by_subj: Some(feed.filter(&self.link)), ..Get::default() };
            let last = timeout_at(deadline, self.link.get(&last)).await;
            if let Ok(Ok(Some(last))) = last {
                let last = direct_seq(&last).unwrap_or(0);
                let mut reached = feed.reached.subscribe();
                let _ = timeout_at(deadline, reached.wait_for(|reached| *reached >= last)).await;
            }
            feed.end();
        }
    }
}

impl Feed {
    fn start(link: Arc<Link>, scope: FollowScope, floor: Position) -> Arc<Self> {
        let identity = *link.identity.borrow();
        let run = Run { ring: Ring::new(floor, link.options.ring_bytes), resets: identity.resets };
        let feed = Arc::new(Self {
            scope,
            lanes: identity.lanes,
            ring: watch::Sender::new(Arc::new(run)),
            reached: watch::Sender::new(floor.0),
            deleted: Mutex::default(),
            pump: Mutex::default(),
        });
        let pump = tokio::spawn(pump::run(link, Arc::downgrade(&feed), identity));
        *feed.pump.lock().unwrap_or_else(PoisonError::into_inner) = Some(pump);
        feed
    }

    fn filter(&self, link: &Link) -> String {
        match &self.scope {
            FollowScope::All => link.names.all(),
            FollowScope::Tenant(tenant) => link.names.tenant(tenant),
            FollowScope::Lane(lane) => link.names.lane(*lane),
        }
    }

    fn run(&self) -> Arc<Run> {
        Arc::clone(&self.ring.borrow())
    }

    fn deletions(&self) -> MutexGuard<'_, HashMap<(Tenant, StreamName), u64>> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deleted(&self, tenant: &Tenant, stream: &StreamName, to: u64) {
        let concerns = match &self.scope {
            FollowScope::All => true,
            FollowScope::Tenant(of) => of == tenant,
            FollowScope::Lane(lane) => {
                headwater_events::lane_of(tenant.as_str(), stream.as_str(), self.lanes) == *lane
            }
        };
        if concerns {
            self.deletions().insert((tenant.clone(), stream.clone()), to);
            self.run().ring.forget_to(tenant, stream, Position(to));
        }
    }

    fn end(&self) {
        if let Some(pump) = self.pump.lock().unwrap_or_else(PoisonError::into_inner).take() {
            pump.abort();
        }
        self.run().ring.close();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.end();
    }
}
