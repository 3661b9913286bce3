//! How long to wait before trying again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Doubling waits with a cap. Each is spread over its upper half, so that those who lost one server do not come back as
/// one.
#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    tries: u32,
}

impl Backoff {
    /// Waits from `min` to `max`.
    #[must_use]
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, tries: 0 }
    }

    /// The next wait.
    #[allow(clippy::should_implement_trait)] // it has no end
    pub fn next(&mut self) -> Duration {
        let full = self.min.saturating_mul(1 << self.tries.min(20)).min(self.max);
        self.tries = self.tries.saturating_add(1);
        let half = full / 2;
        half + half.mul_f64(fraction())
    }

    /// It worked: the next wait is the shortest again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// The server's wish for the shortest wait.
    pub fn set_min(&mut self, min: Duration) {
        self.min = min.min(self.max);
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
}
