//! How long to wait before trying again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(4);

/// The pause before attempt `n` (from 0), doubled each time up to a limit, give or take a quarter, so that many who lost
/// the same server do not come back at once.
pub(crate) fn pause(n: usize) -> Duration {
    let doubled = FIRST.saturating_mul(1 << n.min(10)).min(LONGEST);
    let spread = RandomState::new().hash_one(n) % 512;
    doubled.mul_f64(0.75 + f64::from(u16::try_from(spread).unwrap_or(0)) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        for n in 0..100 {
            let wanted = FIRST.saturating_mul(1 << n.min(10)).min(LONGEST);
            let pause = pause(n);
            assert!(pause >= wanted.mul_f64(0.75) && pause <= wanted.mul_f64(1.25), "{n}: {pause:?}");
        }
    }
}
