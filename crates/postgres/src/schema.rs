//! The name of the schema that everything lives in.

use std::{fmt, str::FromStr};

use crate::Error;

/// A schema of its own: `headwater` unless named. 1 to 40 of `a-z 0-9 _`, not beginning with a digit or `pg_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema(String);

/// Names of channels and locks are made from it and must stay short.
const MOST: usize = 40;

impl Schema {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The channel on which it is told that something was enqueued.
    pub(crate) fn channel(&self) -> String {
        format!("{}_outbox", self.0)
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self("headwater".to_owned())
    }
}

impl FromStr for Schema {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if starts && name.len() <= MOST && name.chars().all(plain) && !name.starts_with("pg_") {
            return Ok(Self(name.to_owned()));
        }
        Err(Error::config(format!(
            "`{name}` is no schema: 1 to {MOST} of a-z 0-9 _, not beginning with a digit or pg_"
        )))
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_a_plain_name_and_nothing_that_could_leave_its_quotes() {
        for good in ["headwater", "_x", "a1_b"] {
            assert_eq!(good.parse::<Schema>().unwrap().as_str(), good);
        }
        let long = "a".repeat(MOST + 1);
        for bad in ["", "1a", "A", "a-b", "a\"b", "a b", "a.b", "pg_mine", "é", "a;drop", &long] {
            let error = bad.parse::<Schema>().unwrap_err();
            assert_eq!(error.code(), "bad-configuration", "{bad}");
        }
    }
}
