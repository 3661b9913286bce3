//! Random choices from a printed seed.

use std::hash::{BuildHasher, RandomState};

/// A small generator (SplitMix64): good enough to mix cases, the same everywhere.
#[derive(Debug, Clone)]
pub(super) struct Pick(u64);

impl Pick {
    /// A generator with the seed of `HEADWATER_SEED`, else a new one. Prints it, so that a failure can be repeated.
    pub(super) fn new(clause: &str) -> Self {
        let given = std::env::var("HEADWATER_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(clause));
        println!("{clause}: HEADWATER_SEED={seed}");
        Self(seed)
    }

    /// A generator of its own, for a task beside this one.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap_or(0)
    }

    /// One of several.
    pub(super) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
