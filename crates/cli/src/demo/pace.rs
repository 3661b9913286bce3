//! How fast the agents work.

use std::time::Duration;

/// Divides every pause by a factor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace(f64);

impl Pace {
    /// Work that is `speed` times as fast.
    pub(crate) fn new(speed: f64) -> Self {
        Self(speed)
    }

    /// A pause of so many milliseconds at normal speed. What would be under a millisecond is left out.
    pub(crate) async fn pause(self, ms: u64) {
        let pause = self.of(ms);
        if pause >= Duration::from_millis(1) {
            tokio::time::sleep(pause).await;
        }
    }

    /// So many milliseconds at normal speed.
    pub(crate) fn of(self, ms: u64) -> Duration {
        Duration::from_millis(ms).div_f64(self.0)
    }
}
