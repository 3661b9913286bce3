//! What became of the events.

use std::fmt;

use headwater::{EventError, Published};
use serde_json::{Value, json};

/// What became of one event.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// Stored, now or before.
    Stored(Published),
    /// Refused.
    Refused {
        /// The stable code.
        code: String,
        /// The reason.
        detail: String,
    },
    /// Nothing was heard of it: it may be stored or not.
    Unknown {
        /// The stable code of what ended the work.
        code: String,
        /// What ended the work.
        detail: String,
    },
}

impl From<&EventError> for Fate {
    fn from(error: &EventError) -> Self {
        Self::Refused { code: error.code().to_string(), detail: error.to_string() }
    }
}

/// What became of the event of one line.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The line, from 1.
    pub(crate) line: u64,
    /// The event's id, where it has one.
    pub(crate) id: Option<String>,
    /// What became of it.
    pub(crate) fate: Fate,
}

impl Outcome {
    /// As a line of JSON.
    pub(crate) fn report(&self) -> Value {
        match &self.fate {
            Fate::Stored(published) => json!({
                "line": self.line, "id": self.id, "cursor": published.cursor.to_string(), "duplicate": published.duplicate,
            }),
            Fate::Refused { code, detail } | Fate::Unknown { code, detail } => {
                json!({ "line": self.line, "id": self.id, "code": code, "detail": detail })
            }
        }
    }

    /// What to say of a refused event.
    pub(crate) fn refusal(&self) -> Option<String> {
        match &self.fate {
            Fate::Refused { code, detail } => Some(format!("line {}: {code}: {detail}", self.line)),
            Fate::Stored(_) | Fate::Unknown { .. } => None,
        }
    }
}

/// Counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Stored now.
    pub(crate) stored: u64,
    /// Had been stored before.
    pub(crate) duplicates: u64,
    /// Refused.
    pub(crate) refused: u64,
    /// Not known to be stored.
    pub(crate) unknown: u64,
}

impl Tally {
    /// Counts one event.
    pub(crate) fn count(&mut self, fate: &Fate) {
        match fate {
            Fate::Stored(published) if !published.duplicate => self.stored += 1,
            Fate::Stored(_) => self.duplicates += 1,
            Fate::Refused { .. } => self.refused += 1,
            Fate::Unknown { .. } => self.unknown += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} stored", self.stored, if self.stored == 1 { "event" } else { "events" })?;
        if self.duplicates > 0 {
            write!(f, ", {} already there", self.duplicates)?;
        }
        if self.refused > 0 {
            write!(f, ", {} refused", self.refused)?;
        }
        if self.unknown > 0 {
            write!(f, ", {} not known to be stored", self.unknown)?;
        }
        Ok(())
    }
}
