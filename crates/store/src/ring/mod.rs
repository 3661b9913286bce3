//! The tail of a log in memory: what `follow` is for stores whose writer lives in the process.
//!
//! ```text
//!            floor: complete after here                      tail
//!   evicted … │ batch │ batch │ lost │ batch │ batch ◄── push
//!             ▲              ▲                      ▲
//!       gap, then here   a follower          a follower that waits
//! ```
//!
//! One writer pushes batches in the order of their positions, any number of followers read them. A push costs the
//! same however many follow, except that those who wait are woken; a follower filters for itself. What is kept is
//! bounded by bytes: a follower that fell behind gets one `Gap { reason: overflow }` and goes on at the oldest kept.

mod entries;
mod follower;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use headwater_events::{Position, StreamName, Tenant};
use tokio::sync::watch;

use self::{
    entries::{Entries, Entry},
    follower::Follower,
};
use crate::{Follow, FollowScope, Gap, GapReason, Record};

/// The byte-bounded tail of a log, in memory. Dropping it closes it.
pub struct Ring(Arc<Shared>);

struct Shared {
    /// A plain mutex: it is held for a few pointer moves and never over an await.
    entries: Mutex<Entries>,
    /// Changes with every push and with the close; carries nothing.
    changed: watch::Sender<()>,
}

/// What a push pushed out. Dropping it frees its events, which a writer may put off until it has answered.
#[derive(Debug)]
pub struct Evicted {
    _entries: Vec<Entry>,
}

impl Ring {
    /// What a ring holds unless its store says otherwise: 64 MiB.
    pub const DEFAULT_BYTES: usize = 64 << 20;

    /// An empty ring of a log whose last position is `after`: it is complete from there on.
    ///
    /// `max_bytes` counts the encoded events and what a record costs beside; the newest batch is kept even if it is
    /// larger than that.
    #[must_use]
    pub fn new(after: Position, max_bytes: usize) -> Self {
        Self(Arc::new(Shared {
            entries: Mutex::new(Entries::new(after, max_bytes)),
            changed: watch::Sender::new(()),
        }))
    }

    /// Adds a batch. Its positions ascend and lie behind everything that was pushed before.
    pub fn push(&self, batch: Arc<[Record]>) -> Evicted {
        let evicted = self.0.lock().push(batch);
        self.0.changed.send_replace(());
        Evicted { _entries: evicted }
    }

    /// Tells everyone who follows, and who comes later from before `from`, that the log has lost what lies in
    /// `(from, to]`.
    pub fn lost(&self, from: Position, to: Position, reason: GapReason) {
        self.0.lock().lost(Gap { from, to, reason, stream: None });
        self.0.changed.send_replace(());
    }

    /// Takes a deleted stream out of what is kept and tells those who follow that it is gone up to here. Followers
    /// that hold its records already still deliver them first.
    ///
    /// Looks at every kept record: for deletions, not for retention.
    pub fn forget(&self, tenant: &Tenant, stream: &StreamName) {
        let mut entries = self.0.lock();
        let to = entries.tail();
        entries.forget(tenant, stream, to);
        drop(entries);
        self.0.changed.send_replace(());
    }

    /// The same up to a place, for stores that others append to while a stream is deleted: what stands behind it is of
    /// the stream's next life.
    pub fn forget_to(&self, tenant: &Tenant, stream: &StreamName, to: Position) {
        self.0.lock().forget(tenant, stream, to);
        self.0.changed.send_replace(());
    }

    /// Everything in the scope after `after`, as it grows; ends when the ring is closed and read to its end.
    ///
    /// Starts with a `Gap { reason: overflow }` where `after` is older than what is kept.
    #[must_use]
    pub fn follow(&self, scope: FollowScope, lanes: u16, after: Position) -> Follow {
        Follower::new(Arc::clone(&self.0), scope, lanes, after).into_stream()
    }

    /// The last position that was pushed or lost.
    #[must_use]
    pub fn tail(&self) -> Position {
        self.0.lock().tail()
    }

    /// The position after which everything is kept: a follower that begins there or later gets no gap.
    #[must_use]
    pub fn floor(&self) -> Position {
        self.0.lock().floor()
    }

    /// Ends the followers, once they have read what is kept. Nothing is pushed afterwards.
    pub fn close(&self) {
        self.0.lock().close();
        self.0.changed.send_replace(());
    }
}

impl Shared {
    /// A panic elsewhere cannot leave the entries half changed in a way that matters, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.lock();
        f.debug_struct("Ring")
            .field("floor", &entries.floor())
            .field("tail", &entries.tail())
            .field("bytes", &entries.bytes())
            .finish_non_exhaustive()
    }
}
