//! What became of the events, counted.

use std::fmt;

/// Counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Stored now.
    pub(crate) stored: u64,
    /// Had been stored before.
    pub(crate) duplicates: u64,
    /// Refused.
    pub(crate) refused: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = if self.stored == 1 { "event" } else { "events" };
        write!(f, "{} {events} stored", self.stored)?;
        if self.duplicates > 0 {
            write!(f, ", {} already there", self.duplicates)?;
        }
        if self.refused > 0 {
            write!(f, ", {} refused", self.refused)?;
        }
        Ok(())
    }
}
