//! How long to wait before trying again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Pauses that grow to a limit, each between half of what is due and all of it, so that processes which lost a server
/// together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    due: Duration,
    salt: RandomState,
    count: u64,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(200);
    const MOST: Duration = Duration::from_secs(3);

    pub(crate) fn new() -> Self {
        Self { due: Self::FIRST, salt: RandomState::new(), count: 0 }
    }

    pub(crate) fn next(&mut self) -> Duration {
        self.count += 1;
        let part = self.salt.hash_one(self.count) % 1000;
        let pause = self.due / 2 + self.due.mul_f64(part as f64 / 2000.0);
        self.due = (self.due * 2).min(Self::MOST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..10).map(|_| backoff.next()).collect();
        assert!(pauses.iter().all(|p| *p >= Backoff::FIRST / 2 && *p <= Backoff::MOST), "{pauses:?}");
        assert!(pauses[9] >= Backoff::MOST / 2);
    }
}
