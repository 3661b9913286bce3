//! The log as it grows.
//!
//! ```text
//!  feeds of the tenants that are followed ── XREAD BLOCK, one connection ──► pump ──► ring ──► followers
//!                                            bodies, one script                    (bounded)
//! ```
//!
//! One task reads the feeds of all tenants that somebody follows, in one order, into one ring in memory. A follower
//! that begins before its tenant was read along catches up from the feed first, as far as that reaches back.

mod catch_up;
mod pump;
mod step;
mod wanted;

use std::sync::Arc;

use futures_util::StreamExt;
use headwater_events::Position;
use headwater_store::{Error, Follow, FollowScope, ring::Ring};
use tokio_util::sync::CancellationToken;

#[cfg(feature = "bench")]
pub(crate) use self::step::Reading;
use self::wanted::Wanted;
use crate::link::Link;

/// What followers share.
pub(crate) struct Feeds {
    link: Arc<Link>,
    ring: Arc<Ring>,
    wanted: Arc<Wanted>,
    /// Reads what is stored and ends.
    drain: CancellationToken,
    pump: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Feeds {
    pub(crate) fn start(link: &Arc<Link>) -> Self {
        let ring = Arc::new(Ring::new(link.seen(), link.options.ring_bytes));
        let wanted = Arc::new(Wanted::default());
        let drain = CancellationToken::new();
        let pump = pump::Pump::new(Arc::clone(link), Arc::clone(&ring), Arc::clone(&wanted), drain.clone());
        let pump = tokio::spawn(pump.run());
        Self { link: Arc::clone(link), ring, wanted, drain, pump: tokio::sync::Mutex::new(Some(pump)) }
    }

    /// Follows a scope. It is read along when the call returns.
    pub(crate) async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        let (seat, since) = self.wanted.join(scope, &self.link).await?;
        let live = self.ring.follow(scope.clone(), self.link.lanes, after.max(since));
        // The seat goes with the stream: the pump stops reading for it.
        let live = live.map(move |item| {
            let _ = &seat;
            item
        });
        if after >= since {
            return Ok(live.boxed());
        }
        let history = catch_up::stream(Arc::clone(&self.link), scope.clone(), after, since);
        Ok(history.chain(live).boxed())
    }

    /// Delivers what is stored and ends the followers.
    pub(crate) async fn close(&self) {
        self.drain.cancel();
        self.wanted.disturb(&self.link).await;
        let pump = self.pump.lock().await.take();
        if let Some(mut pump) = pump
            && tokio::time::timeout(self.link.options.response_timeout, &mut pump).await.is_err()
        {
            pump.abort();
        }
        self.ring.close();
    }
}
