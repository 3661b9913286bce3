//! History in pages.

mod lanes;
mod one;
mod whole;

pub(crate) use self::{lanes::read_lanes, one::read, whole::read_whole};

/// How many bytes one page may have, about.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;
