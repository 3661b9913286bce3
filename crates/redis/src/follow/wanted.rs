//! What is followed, and since when it is read along.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use headwater_events::{Position, Tenant};
use headwater_store::{Error, FollowScope};
use redis::Cmd;
use tokio::sync::{Notify, watch};

use crate::link::Link;

/// Whom the pump reads for. `None` is everyone.
type Subject = Option<Tenant>;

#[derive(Default)]
pub(super) struct Wanted {
    seats: Mutex<Seats>,
    pub(super) changed: Notify,
    along: watch::Sender<Along>,
    /// The connection that waits for news, as the server knows it; 0 while none does.
    pub(super) waiting: AtomicU64,
}

/// What the pump reads along, each from a position on.
#[derive(Default)]
struct Along {
    /// Of which state of the seats this is.
    version: u64,
    since: HashMap<Subject, Position>,
}

#[derive(Default)]
struct Seats {
    count: HashMap<Subject, usize>,
    version: u64,
}

/// A follower's part in it; dropping it gives it back.
pub(super) struct Seat {
    wanted: Arc<Wanted>,
    subject: Subject,
}

/// How long the pump may take to notice before it is disturbed again.
const NOTICE: Duration = Duration::from_millis(20);

impl Wanted {
    /// Takes a seat, and waits until the pump reads along: from the position that is given on.
    pub(super) async fn join(
        self: &Arc<Self>,
        scope: &FollowScope,
        link: &Link,
    ) -> Result<(Seat, Position), Error> {
        let subject = match scope {
            FollowScope::Tenant(tenant) => Some(tenant.clone()),
            FollowScope::All | FollowScope::Lane(_) => None,
        };
        let version = {
            let mut seats = self.seats();
            let count = seats.count.entry(subject.clone()).or_insert(0);
            *count += 1;
            if *count == 1 {
                seats.version += 1;
            }
            seats.version
        };
        let seat = Seat { wanted: Arc::clone(self), subject: subject.clone() };
        let mut along = self.along.subscribe();
        let begin = tokio::time::Instant::now();
        loop {
            {
                // An older state may have this subject from a follower that has gone, and be about to lose it.
                let along = along.borrow_and_update();
                if let Some(since) = along.since.get(&subject).filter(|_| along.version >= version) {
                    return Ok((seat, *since));
                }
            }
            if begin.elapsed() > link.options.patience + link.options.response_timeout {
                return Err(Error::unavailable(&link.status().borrow().detail));
            }
            self.disturb(link).await;
            tokio::select! {
                changed = along.changed() => if changed.is_err() { return Err(Error::Closed) },
                () = tokio::time::sleep(NOTICE) => {}
                () = link.closing.cancelled() => return Err(Error::Closed),
            }
        }
    }

    /// Wakes the pump, wherever it waits.
    pub(super) async fn disturb(&self, link: &Link) {
        self.changed.notify_one();
        let id = self.waiting.load(Ordering::Acquire);
        if id == 0 {
            return;
        }
        if let Ok(mut live) = link.live().await {
            let mut unblock = Cmd::new();
            unblock.arg("CLIENT").arg("UNBLOCK").arg(id);
            // One that does not wait any more is what was wanted.
            drop(live.commands.send_packed_command(&unblock).await);
        }
    }

    /// What is wanted now, with the number of this state.
    pub(super) fn now(&self) -> (Vec<Subject>, u64) {
        let seats = self.seats();
        (seats.count.keys().cloned().collect(), seats.version)
    }

    pub(super) fn version(&self) -> u64 {
        self.seats().version
    }

    /// Says that exactly these are read along; those that are new from `from` on.
    pub(super) fn reads(&self, subjects: &[Subject], version: u64, from: Position) {
        self.along.send_modify(|along| {
            along.version = version;
            along.since.retain(|subject, _| subjects.contains(subject));
            for subject in subjects {
                along.since.entry(subject.clone()).or_insert(from);
            }
        });
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.wanted.seats();
        if let Some(count) = seats.count.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                seats.count.remove(&self.subject);
                seats.version += 1;
            }
        }
    }
}
