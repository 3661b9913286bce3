//! Trying again while a broker is away.

use std::time::Duration;

use headwater_broker::Error;
use tokio::time::Instant;

use super::report::{Happening, Observer};

/// The pause before the first retry, and the longest one.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// Counts how long something has failed.
pub(crate) struct Patience {
    last: Duration,
    give_up: Option<Instant>,
    pause: Duration,
}

impl Patience {
    /// Gives up when something has failed for as long as `last`.
    pub(crate) const fn new(last: Duration) -> Self {
        Self { last, give_up: None, pause: BACKOFF.0 }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// The same error: it is no use, or it has been long enough.
    pub(crate) async fn wait(&mut self, error: Error, tell: &Observer) -> Result<(), Error> {
        let give_up = *self.give_up.get_or_insert_with(|| Instant::now() + self.last);
        if !error.is_retryable() || Instant::now() + self.pause > give_up {
            return Err(error);
        }
        tell(Happening::Waiting { error: &error });
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(BACKOFF.1);
        Ok(())
    }
}
