//! Numbers that look random and can be had again.

use std::hash::{BuildHasher, RandomState};

/// A small generator (xorshift64*): good enough to mix test data.
#[derive(Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// Draws a seed, or takes `HEADWATER_SEED`, and prints it.
    pub(super) fn new() -> Self {
        let given = std::env::var("HEADWATER_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0)).max(1);
        println!("HEADWATER_SEED={seed}");
        Self(seed)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % n.max(1)
    }
}
