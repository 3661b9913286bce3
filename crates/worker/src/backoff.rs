//! How long to wait before the next try.

use std::time::Duration;

use crate::Random;

/// Waits that double up to a limit, each spread over its upper half, so that what failed together does not come back
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the second try: at least half of it, at most all.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

impl Backoff {
    /// Waits from `first`, doubled up to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// The wait after try number `attempt`, from 1.
    #[must_use]
    pub fn after(&self, attempt: u32, random: &Random) -> Duration {
        let doublings = attempt.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.most);
        full / 2 + (full / 2).mul_f64(random.fraction())
    }
}

impl Default for Backoff {
    /// From half a second to a minute.
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_within_their_upper_half() {
        let ms = Duration::from_millis;
        let (backoff, random) = (Backoff::new(ms(100), ms(1000)), Random::seeded(7));
        for (attempt, full) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (60, 1000), (u32::MAX, 1000)]
        {
            let wait = backoff.after(attempt, &random);
            assert!((ms(full / 2)..=ms(full)).contains(&wait), "{wait:?} after {attempt}");
        }
    }

    #[test]
    fn a_seed_always_gives_the_same_waits() {
        let waits = |seed| {
            let random = Random::seeded(seed);
            (1..9).map(|attempt| Backoff::default().after(attempt, &random)).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
