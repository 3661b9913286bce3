//! Randomness for identities.

use std::hash::{BuildHasher, RandomState};

/// The standard library draws the keys of its hash tables from the system's randomness.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}
