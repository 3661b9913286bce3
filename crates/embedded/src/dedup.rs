//! What recognizes the events that one commit stored, in one value.
//!
//! ```text
//! 0        1          9           17
//! format   checksum   stored_at   entries: (distance to the last one: 4, fingerprint: 16, hash of its run: 8) …
//! ```
//! The value's key has the position of its last event.

use bytes::BufMut;
use headwater_events::Position;
use headwater_store::Error;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    buckets::{Buckets, Kind},
    codec::Reader,
    engine::storage,
    keys,
};

const FORMAT: u8 = 1;
const HEADER: usize = 17;
const ENTRY: usize = 28;

/// Where and when an event was stored first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) position: Position,
    pub(crate) stored_at: i64,
    /// Of the run it was stored in.
    pub(crate) run_hash: u64,
}

/// An event as it is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Print {
    pub(crate) print: u128,
    pub(crate) position: Position,
    pub(crate) run_hash: u64,
}

/// A value of events that were stored together, in the order of their positions.
pub(crate) fn encode(prints: &[Print], stored_at: i64) -> Vec<u8> {
    let last = prints.last().map_or(Position::ZERO, |print| print.position);
    let mut out = Vec::with_capacity(HEADER + prints.len() * ENTRY);
    out.put_u8(FORMAT);
    out.put_u64(0);
    out.put_i64(stored_at);
    for print in prints {
        out.put_u32(u32::try_from(last.0 - print.position.0).unwrap_or(u32::MAX));
        out.put_u128(print.print);
        out.put_u64(print.run_hash);
    }
    let sum = xxh3_64_with_seed(&out[9..], last.0);
    out[1..9].copy_from_slice(&sum.to_be_bytes());
    out
}

/// A value as it was read.
pub(crate) struct Prints<'a> {
    last: Position,
    pub(crate) stored_at: i64,
    entries: &'a [[u8; ENTRY]],
}

impl<'a> Prints<'a> {
    pub(crate) fn decode(value: &'a [u8], last: Position) -> Result<Self, Error> {
        let damaged = || Error::corrupt(Some(last), "a dedup entry is not readable");
        let mut r = Reader::new(value, "a dedup entry");
        if r.u8()? != FORMAT || r.u64()? != xxh3_64_with_seed(&value[9..], last.0) {
            return Err(damaged());
        }
        let stored_at = r.i64()?;
        let (entries, rest) = value[HEADER..].as_chunks::<ENTRY>();
        if rest.is_empty() { Ok(Self { last, stored_at, entries }) } else { Err(damaged()) }
    }

    /// All events of the value, in the order of their positions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Print> {
        self.entries.iter().map(|entry| self.print(entry))
    }

    /// The event at a position.
    fn at(&self, position: Position) -> Option<Print> {
        let at = self.entries.binary_search_by_key(&position, |entry| self.print(entry).position).ok()?;
        Some(self.print(&self.entries[at]))
    }

    fn print(&self, entry: &[u8; ENTRY]) -> Print {
        let distance = u32::from_be_bytes(std::array::from_fn(|i| entry[i]));
        Print {
            position: Position(self.last.0.saturating_sub(u64::from(distance))),
            print: u128::from_be_bytes(std::array::from_fn(|i| entry[4 + i])),
            run_hash: u64::from_be_bytes(std::array::from_fn(|i| entry[20 + i])),
        }
    }
}

/// When and where an event was stored, if it is the one at this position.
pub(crate) fn at(buckets: &Buckets, print: u128, position: Position) -> Result<Option<Seen>, Error> {
    let Some(bucket) = buckets.at(Kind::Dedup, position) else {
        return Ok(None);
    };
    let Some(entry) = bucket.keys.range(keys::prints(position)..=keys::prints(Position::MAX)).next() else {
        return Ok(None);
    };
    let (key, value) = entry.into_inner().map_err(storage)?;
    let prints = Prints::decode(&value, keys::position(&key))?;
    let found = prints.at(position).filter(|found| found.print == print);
    Ok(found.map(|found| Seen { position, stored_at: prints.stored_at, run_hash: found.run_hash }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_damage_is_found() {
        let print = |print, position| Print { print, position: Position(position), run_hash: 7 };
        let prints = [print(1, 4), print(u128::MAX, 5), print(3, 90)];
        let value = encode(&prints, 1_000);
        let read = Prints::decode(&value, Position(90)).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), prints);
        assert_eq!((read.at(Position(5)), read.at(Position(6))), (Some(prints[1]), None));
        assert!(Prints::decode(&value, Position(91)).is_err(), "in the wrong place");
        assert!(Prints::decode(&value[..30], Position(90)).is_err());
    }
}
