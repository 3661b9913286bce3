//! What a delivery is settled by.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use headwater_events::{Lane, Position};

/// An opaque token that names one delivery of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub(crate) lane: Lane,
    pub(crate) fence: u64,
    pub(crate) position: Position,
    pub(crate) attempt: u32,
}

/// The text is no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lease: pass it back exactly as it was delivered")]
pub struct LeaseError;

const VERSION: u8 = 1;
const LEN: usize = 1 + 2 + 8 + 8 + 4;

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = [0; LEN];
        raw[0] = VERSION;
        raw[1..3].copy_from_slice(&self.lane.0.to_be_bytes());
        raw[3..11].copy_from_slice(&self.fence.to_be_bytes());
        raw[11..19].copy_from_slice(&self.position.0.to_be_bytes());
        raw[19..].copy_from_slice(&self.attempt.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(raw))
    }
}

impl FromStr for Lease {
    type Err = LeaseError;

    fn from_str(text: &str) -> Result<Self, LeaseError> {
        let raw = URL_SAFE_NO_PAD.decode(text).map_err(|_| LeaseError)?;
        let raw: [u8; LEN] = raw.try_into().map_err(|_| LeaseError)?;
        if raw[0] != VERSION {
            return Err(LeaseError);
        }
        let long = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| raw[at + i]));
        Ok(Self {
            lane: Lane(u16::from_be_bytes([raw[1], raw[2]])),
            fence: long(3),
            position: Position(long(11)),
            attempt: u32::from_be_bytes(std::array::from_fn(|i| raw[19 + i])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_comes_back_and_other_text_is_none() {
        let lease = Lease { lane: Lane(31), fence: 7, position: Position(u64::MAX), attempt: 3 };
        assert_eq!(lease.to_string().parse(), Ok(lease));
        for text in ["", "x", "AAAA", &lease.to_string()[1..]] {
            assert_eq!(text.parse::<Lease>(), Err(LeaseError), "{text}");
        }
    }
}
