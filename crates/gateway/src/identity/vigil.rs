//! Watching over a caller who stays: until the credential expires or is revoked.

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    select,
    sync::watch,
    time::{Instant, Sleep, sleep_until},
};

use super::{authority::Authority, caller::Caller, refused};
use crate::problem::Problem;

/// A caller of a response that goes on. A caller whom nothing can end costs nothing.
pub(crate) struct Vigil {
    caller: Caller,
    authority: Arc<Authority>,
    changes: Option<watch::Receiver<u64>>,
    expiry: Option<Pin<Box<Sleep>>>,
    /// Whether keys may have changed since the last look.
    changed: bool,
}

/// The longest a timer runs before the clock is looked at again: clocks are set.
///
/// Also what has no end now may get one: a secret that is replaced is good for a while longer.
const LOOK: Duration = Duration::from_secs(2);

impl Vigil {
    pub(crate) fn new(authority: &Arc<Authority>, caller: Caller) -> Self {
        let authority = Arc::clone(authority);
        let changes = authority.changes(&caller);
        // The first look is at once: keys may have changed since the caller was admitted.
        let ends = changes.is_some() || caller.until.is_some();
        let expiry = ends.then(|| Box::pin(sleep_until(Instant::now())));
        Self { caller, authority, changes, expiry, changed: true }
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Waits until the caller may go on no longer. Dropping the future loses nothing.
    pub(crate) async fn ended(&mut self) -> Problem {
        loop {
            let changed = async {
                match &mut self.changes {
                    // The authority is held here: it does not go away.
                    Some(changes) => {
                        let _ = changes.changed().await;
                    }
                    None => pending().await,
                }
            };
            let expired = async {
                match &mut self.expiry {
                    Some(sleep) => sleep.as_mut().await,
                    None => pending().await,
                }
            };
            select! {
                () = changed => self.changed = true,
                () = expired => {}
            }
            if !self.authority.still(&self.caller, self.changed) {
                return refused::over();
            }
            self.changed = false;
            let left = self.caller.until.map(|until| until.duration_since(self.authority.now()));
            if let Some(sleep) = &mut self.expiry {
                let left = left.map_or(LOOK, |left| Duration::try_from(left).unwrap_or_default().min(LOOK));
                sleep.as_mut().reset(Instant::now() + left.max(Duration::from_millis(1)));
            }
        }
    }
}
