//! References of one scope that were written by one commit, in one value.
//!
//! ```text
//! 0        1          9
//! format   checksum   streams: (length, name) …   entries: (distance, stream) …
//! ```
//! All numbers behind the checksum are short ones. The value's key has the position of its last reference: who reads on
//! behind a position finds the value that goes on there first. The first distance is that to the last reference,
//! each further one that to the reference before.

use bytes::Bytes;
use headwater_events::Position;
use headwater_store::Error;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::codec::{Reader, put_short};

const FORMAT: u8 = 1;
const HEADER: usize = 9;
/// The most references in one value: what a reader who comes into the middle of it reads in vain.
pub(crate) const MOST: usize = 1024;

/// References of one scope, in the order of their positions.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Refs {
    pub(crate) streams: Vec<Bytes>,
    /// Position, and which of the streams.
    pub(crate) entries: Vec<(Position, usize)>,
}

impl Refs {
    /// The position of the last reference.
    pub(crate) fn last(&self) -> Option<Position> {
        self.entries.last().map(|(position, _)| *position)
    }

    /// The stream of each reference.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Position, &Bytes)> {
        self.entries.iter().filter_map(|(position, stream)| Some((*position, self.streams.get(*stream)?)))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let names: usize = self.streams.iter().map(|name| name.len() + 2).sum();
        let mut out = Vec::with_capacity(HEADER + 8 + names + self.entries.len() * 4);
        out.push(FORMAT);
        out.extend_from_slice(&[0; 8]);
        put_short(&mut out, self.streams.len() as u64);
        for name in &self.streams {
            put_short(&mut out, name.len() as u64);
            out.extend_from_slice(name);
        }
        put_short(&mut out, self.entries.len() as u64);
        let last = self.last().unwrap_or_default();
        let mut before = None;
        for (position, stream) in &self.entries {
            put_short(&mut out, before.map_or(last.0 - position.0, |before: Position| position.0 - before.0));
            put_short(&mut out, *stream as u64);
            before = Some(*position);
        }
        let sum = xxh3_64_with_seed(&out[HEADER..], last.0);
        out[1..HEADER].copy_from_slice(&sum.to_be_bytes());
        out
    }

    /// Reads the references whose last one is at `last`.
    pub(crate) fn decode(value: &Bytes, last: Position) -> Result<Self, Error> {
        let damaged = || Error::corrupt(Some(last), "the references are not readable");
        let mut r = Reader::new(value, "references");
        if r.u8()? != FORMAT || r.u64()? != xxh3_64_with_seed(&value[HEADER..], last.0) {
            return Err(damaged());
        }
        let mut streams = Vec::new();
        for _ in 0..r.short()? {
            let len = usize::try_from(r.short()?).map_err(|_| damaged())?;
            streams.push(value.slice_ref(r.bytes(len)?));
        }
        let mut entries = Vec::new();
        let mut before: Option<Position> = None;
        for _ in 0..r.short()? {
            let (distance, stream) = (r.short()?, r.short()?);
            let position = match before {
                None => last.0.checked_sub(distance),
                Some(before) => before.0.checked_add(distance),
            };
            let position = position.map(Position).ok_or_else(damaged)?;
            let stream = usize::try_from(stream).ok().filter(|&at| at < streams.len()).ok_or_else(damaged)?;
            entries.push((position, stream));
            before = Some(position);
        }
        if before != Some(last) {
            return Err(damaged());
        }
        Ok(Self { streams, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_back_and_damage_is_found() {
        let refs = Refs {
            streams: vec![Bytes::from_static(b"one"), Bytes::from_static(b"another")],
            entries: vec![(Position(3), 0), (Position(4), 1), (Position(900), 0)],
        };
        let value = refs.encode();
        assert_eq!(Refs::decode(&Bytes::from(value.clone()), Position(900)).unwrap(), refs);
        assert!(Refs::decode(&Bytes::from(value.clone()), Position(901)).is_err(), "in the wrong place");
        for bit in 0..value.len() * 8 {
            let mut bad = value.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Refs::decode(&Bytes::from(bad), Position(900)).is_err(), "bit {bit}");
        }
    }
}
