//! Names of tenants, streams and groups: checked once, then carried as types.

use std::{fmt, str::FromStr};

use bytestring::ByteString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} name {rule}")]
pub struct NameError {
    kind: &'static str,
    rule: Rule,
}

/// The rule that a name breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Rule {
    #[error("must be 1 to {max} of {alphabet}")]
    Text { max: usize, alphabet: &'static str },
    // A client that normalises `/v1/streams/../events` asks for `/v1/events`, which is another resource.
    #[error("must not be `.` or `..`: such a segment of a URL's path is taken away before it is sent")]
    Dots,
}

impl NameError {
    /// What the name was for: `tenant`, `stream` or `group`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $Name:ident, $kind:literal, $max:literal, $alphabet:literal, $extra:pat) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $Name(ByteString);

        impl $Name {
            /// The longest name, in bytes.
            pub const MAX_LEN: usize = $max;

            /// Checks `name` and takes it without copying.
            ///
            /// # Errors
            /// Refuses a name that is empty, too long or has a character outside the alphabet, and `.` and `..`,
            /// which do not survive in the path of a URL.
            pub fn new(name: impl Into<ByteString>) -> Result<Self, NameError> {
                let name = name.into();
                Self::check(&name)?;
                Ok(Self(name))
            }

            /// Checks a name without keeping it.
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn check(name: &str) -> Result<(), NameError> {
                if $kind == "stream" && is_dead_letters(name) {
                    return Ok(());
                }
                let fits = (1..=Self::MAX_LEN).contains(&name.len())
                    && name.bytes().all(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-') || matches!(b, $extra)
                    });
                if !fits {
                    let rule = Rule::Text { max: $max, alphabet: $alphabet };
                    return Err(NameError { kind: $kind, rule });
                }
                if matches!(name, "." | "..") {
                    return Err(NameError { kind: $kind, rule: Rule::Dots });
                }
                Ok(())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as shared text.
            #[must_use]
            pub const fn text(&self) -> &ByteString {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $Name {
            type Err = NameError;
            fn from_str(s: &str) -> Result<Self, NameError> {
                Self::new(s)
            }
        }

        impl Serialize for $Name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// The name of a tenant: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    Tenant, "tenant", 64, "A-Z a-z 0-9 . _ -", b'-'
);
name!(
    /// The name of a stream (of its root run): 1 to 256 of `A-Z a-z 0-9 . _ - : @ +`.
    ///
    /// `$dead/<group>` is one too: where a group's dead letters stand. It is Headwater's own
    /// ([`StreamName::is_reserved`]).
    StreamName, "stream", 256, "A-Z a-z 0-9 . _ - : @ +", b':' | b'@' | b'+'
);
name!(
    /// The name of a consumer group: 1 to 64 of `A-Z a-z 0-9 . _ -`. Names that start with `$` are
    /// Headwater's own and cannot be made from outside.
    GroupName, "group", 64, "A-Z a-z 0-9 . _ -", b'-'
);

/// Where the dead letters of groups stand.
const DEAD_LETTERS: &str = "$dead/";

fn is_dead_letters(name: &str) -> bool {
    name.strip_prefix(DEAD_LETTERS).is_some_and(|group| GroupName::check(group).is_ok())
}

impl StreamName {
    /// Where the dead letters of a group stand.
    #[must_use]
    pub fn dead_letters(group: &GroupName) -> Self {
        Self(format!("{DEAD_LETTERS}{group}").into())
    }

    /// Behind every reserved name and before every other one, in the order of their bytes.
    #[must_use]
    pub const fn last_reserved() -> Self {
        Self(ByteString::from_static("$~"))
    }

    /// Whether it is Headwater's own: nobody else publishes there.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('$')
    }
}

impl Default for Tenant {
    /// The tenant of everything that names none: `default`.
    fn default() -> Self {
        Self(ByteString::from_static("default"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    #[test]
    fn names_and_classes_fill_the_column_they_are_given() {
        let name = StreamName::new("wf-42").unwrap();
        assert_eq!(format!("{name:8}|{:>8}|", Tenant::default()), "wf-42   | default|");
        assert_eq!(format!("{:10}|", Class::Durable), "durable   |");
    }

    #[test]
    fn names_that_a_url_would_lose_are_refused() {
        for dots in [".", ".."] {
            let error = StreamName::new(dots).unwrap_err().to_string();
            assert!(error.starts_with("stream name must not be `.` or `..`: "), "{error}");
            assert!(Tenant::new(dots).is_err() && GroupName::new(dots).is_err());
        }
        for fine in ["...", ".a", "a..b", "wf-1."] {
            assert!(StreamName::new(fine).is_ok(), "{fine}");
        }
    }
}
