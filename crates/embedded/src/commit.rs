//! The record of one commit: one for each batch, in the order of positions.
//!
//! It tells where the log ends and what stood there last, which position belongs to which time, and how many
//! events and bytes came before: what recovery and retention ask, without an index over all positions.

use bytes::{BufMut, Bytes};
use headwater_events::{Class, Position};
use headwater_store::Error;

use crate::codec::Reader;

const FORMAT: u8 = 1;
/// How many of a batch's last events are named, to be looked at when the log is opened.
pub(crate) const WITNESSES: usize = 4;

/// How much was appended since the log began, by kind of limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// One of the last events of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Witness {
    pub(crate) class: Class,
    pub(crate) position: Position,
    pub(crate) checksum: u64,
    pub(crate) run: Bytes,
}

/// What one commit stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    /// The batch's first position; its last is the record's key.
    pub(crate) first: Position,
    pub(crate) stored_at: i64,
    /// Durable and internal events up to and with this batch.
    pub(crate) durable: Totals,
    /// Transient events up to and with this batch.
    pub(crate) transient: Totals,
    /// The encoded bytes of the batch itself: of durable and internal events, and of transient ones.
    pub(crate) own_bytes: [u64; 2],
    /// The class of each event of the batch, in order.
    pub(crate) classes: Vec<Class>,
    pub(crate) witnesses: Vec<Witness>,
}

impl Commit {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 + self.witnesses.len() * 64);
        out.put_u8(FORMAT);
        out.put_u64(self.first.0);
        out.put_i64(self.stored_at);
        for totals in [self.durable, self.transient] {
            out.put_u64(totals.events);
            out.put_u64(totals.bytes);
        }
        self.own_bytes.iter().for_each(|&bytes| out.put_u64(bytes));
        out.put_u16(u16::try_from(self.runs().count()).unwrap_or(u16::MAX));
        for (class, len) in self.runs() {
            out.put_u8(class as u8);
            out.put_u16(len);
        }
        out.put_u8(u8::try_from(self.witnesses.len()).unwrap_or(0));
        for witness in &self.witnesses {
            out.put_u8(witness.class as u8);
            out.put_u64(witness.position.0);
            out.put_u64(witness.checksum);
            out.put_u16(u16::try_from(witness.run.len()).unwrap_or(0));
            out.put_slice(&witness.run);
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes, "a commit record");
        if r.u8()? != FORMAT {
            return Err(r.damaged());
        }
        let (first, stored_at) = (r.position()?, r.i64()?);
        let mut totals = [Totals::default(); 2];
        for total in &mut totals {
            *total = Totals { events: r.u64()?, bytes: r.u64()? };
        }
        let own_bytes = [r.u64()?, r.u64()?];
        let mut classes = Vec::new();
        for _ in 0..r.u16()? {
            let class = Class::from_u8(r.u8()?).ok_or_else(|| r.damaged())?;
            classes.extend(std::iter::repeat_n(class, usize::from(r.u16()?)));
        }
        let mut witnesses = Vec::new();
        for _ in 0..r.u8()? {
            let class = Class::from_u8(r.u8()?).ok_or_else(|| r.damaged())?;
            let (position, checksum) = (r.position()?, r.u64()?);
            let len = usize::from(r.u16()?);
            witnesses.push(Witness { class, position, checksum, run: Bytes::copy_from_slice(r.bytes(len)?) });
        }
        Ok(Self { first, stored_at, durable: totals[0], transient: totals[1], own_bytes, classes, witnesses })
    }

    /// Durable and internal events, or transient ones, up to and with this batch.
    pub(crate) fn totals(&self, transient: bool) -> Totals {
        if transient { self.transient } else { self.durable }
    }

    /// The classes as (class, how many in a row).
    fn runs(&self) -> impl Iterator<Item = (Class, u16)> {
        self.classes
            .chunk_by(|a, b| a == b)
            .flat_map(|same| same.chunks(usize::from(u16::MAX)))
            .filter_map(|same| Some((*same.first()?, u16::try_from(same.len()).ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_records_come_back() {
        let commit = Commit {
            first: Position(3),
            stored_at: 77,
            durable: Totals { events: 10, bytes: 4000 },
            transient: Totals { events: 5, bytes: 200 },
            own_bytes: [300, 20],
            classes: vec![Class::Durable, Class::Transient, Class::Transient, Class::Internal],
            witnesses: vec![Witness {
                class: Class::Internal,
                position: Position(6),
                checksum: 9,
                run: Bytes::from_static(b"a\0s"),
            }],
        };
        assert_eq!(Commit::decode(&commit.encode()).unwrap(), commit);
    }
}
