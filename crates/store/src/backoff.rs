//! How long to wait before trying again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Waits that double up to a limit, each spread over its upper half, so that those who lost one server do not come back
/// as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// The wait after the first failure: at least half of it, at most all.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

impl Waits {
    /// Waits from `first`, doubled up to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// The wait after failure number `failures`, from 1. `random` from 0 up to 1 says where in the upper half it lies.
    #[must_use]
    pub fn after(&self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.most);
        full / 2 + (full / 2).mul_f64(random)
    }
}

/// The waits of one who counts its failures and draws the spread itself.
#[derive(Debug)]
pub struct Backoff {
    waits: Waits,
    failures: u32,
}

impl Backoff {
    /// Waits from `min` to `max`.
    #[must_use]
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { waits: Waits::new(min, max), failures: 0 }
    }

    /// The next wait.
    #[allow(clippy::should_implement_trait)] // it has no end
    pub fn next(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.waits.after(self.failures, fraction())
    }

    /// It worked: the next wait is the shortest again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The server's wish for the shortest wait.
    pub fn set_min(&mut self, min: Duration) {
        self.waits.first = min.min(self.waits.most);
    }
}

/// A number in 0..1, from the randomness that seeds hash maps: waits need no better.
fn fraction() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0u8) >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1000));
        for full in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next();
            assert!((ms(full / 2)..=ms(full)).contains(&wait), "{wait:?} of {full} ms");
        }
        backoff.reset();
        assert!(backoff.next() <= ms(100));
        backoff.set_min(ms(5000));
        assert!((ms(500)..=ms(1000)).contains(&backoff.next()), "a wish is capped too");
    }

    #[test]
    fn a_wait_lies_in_the_upper_half_of_its_step_however_many_failures_there_were() {
        let ms = Duration::from_millis;
        let waits = Waits::new(ms(100), ms(1000));
        for (failures, full) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (60, 1000), (u32::MAX, 1000)]
        {
            assert_eq!(waits.after(failures, 0.0), ms(full / 2), "{failures}");
            assert_eq!(waits.after(failures, 1.0), ms(full), "{failures}");
        }
    }
}
