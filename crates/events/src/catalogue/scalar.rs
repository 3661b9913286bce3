//! Numbers with bounds, the same in Rust and in the schemas.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The number lies outside what the type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct OutOfRange(&'static str);

macro_rules! bounded {
    ($(#[$doc:meta])* $Name:ident, $what:literal, $min:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $Name(f64);

        impl $Name {
            /// The number, moved to the nearest bound where it lies outside; what is not a number becomes the least.
            #[must_use]
            pub const fn clamped(n: f64) -> Self {
                Self(if n >= $min { if n > $max { $max } else { n } } else { $min })
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $Name {
            type Error = OutOfRange;

            fn try_from(n: f64) -> Result<Self, OutOfRange> {
                if ($min..=$max).contains(&n) { Ok(Self(n)) } else { Err(OutOfRange($what)) }
            }
        }

        impl From<$Name> for f64 {
            fn from(n: $Name) -> Self {
                n.0
            }
        }

        impl JsonSchema for $Name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($Name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "number", "minimum": $min, "maximum": $max})
            }
        }
    };
}

bounded!(
    /// A share of the work in percent, from 0 to 100.
    Percentage, "a number from 0 to 100", 0.0, 100.0
);
bounded!(
    /// A share of the work, from 0 to 1.
    Fraction, "a number from 0 to 1", 0.0, 1.0
);

/// A whole number that every JSON parser reads exactly: 0 to 2^53 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "u64")]
pub struct Count(u64);

impl Count {
    /// The largest count.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<f64> for Count {
    type Error = OutOfRange;

    fn try_from(n: f64) -> Result<Self, OutOfRange> {
        const MAX: f64 = ((1_u64 << 53) - 1) as f64;
        if (0.0..=MAX).contains(&n) && n.fract() == 0.0 {
            Ok(Self(n as u64))
        } else {
            Err(OutOfRange("a whole number from 0 to 2^53 - 1"))
        }
    }
}

impl From<u32> for Count {
    fn from(n: u32) -> Self {
        Self(n.into())
    }
}

impl From<u64> for Count {
    /// The number, or [`Count::MAX`] beyond it.
    fn from(n: u64) -> Self {
        Self(n.min(Self::MAX.0))
    }
}

impl From<usize> for Count {
    /// The number, or [`Count::MAX`] beyond it.
    fn from(n: usize) -> Self {
        Self::from(n as u64)
    }
}

impl From<Count> for u64 {
    fn from(n: Count) -> Self {
        n.0
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64})
    }
}
