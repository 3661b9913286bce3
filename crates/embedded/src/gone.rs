//! What is remembered of runs that were taken whole.

use bytes::BufMut;
use headwater_events::Position;
use headwater_store::{Error, GapReason};

use crate::codec::Reader;

/// A run that was taken whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Its last position.
    pub(crate) to: Position,
    /// It was deleted by somebody, not by retention.
    pub(crate) deleted: bool,
}

impl Gone {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(9);
        out.put_u64(self.to.0);
        out.put_u8(u8::from(self.deleted));
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes, "the record of a run that is gone");
        Ok(Self { to: r.position()?, deleted: r.u8()? != 0 })
    }

    pub(crate) const fn reason(self) -> GapReason {
        if self.deleted { GapReason::Deleted } else { GapReason::Retention }
    }
}
