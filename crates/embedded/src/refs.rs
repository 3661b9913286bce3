//! References of one scope that were written by one commit, in one value.
//!
//! ```text
//! 0        1          9
//! format   checksum   sources: (length, name, value) …   entries: (distance, stream) …
//! ```
//! All numbers behind the checksum are short ones. The value's key has the position of its last reference: who reads on
//! behind a position finds the value that goes on there first. The first distance is that to the last reference,
//! each further one that to the reference before. A source is a stream and a value of it that holds events: the
//! position of that value's last event, counted from the last reference, twice, and one less where it comes before.

use bytes::Bytes;
use headwater_events::Position;
use headwater_store::Error;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::codec::{Reader, put_short};

const FORMAT: u8 = 1;
const HEADER: usize = 9;
/// The most references in one value: what a reader who comes into the middle of it reads in vain.
pub(crate) const MOST: usize = 1024;

/// Where the event is that a reference points to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) stream: Bytes,
    /// The last position of the value that holds it.
    pub(crate) value: Position,
}

/// References of one scope, in the order of their positions.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Refs {
    pub(crate) sources: Vec<Source>,
    /// Position, and which of the sources.
    pub(crate) entries: Vec<(Position, usize)>,
}

impl Refs {
    /// The position of the last reference.
    pub(crate) fn last(&self) -> Option<Position> {
        self.entries.last().map(|(position, _)| *position)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let names: usize = self.sources.iter().map(|source| source.stream.len() + 4).sum();
        let mut out = Vec::with_capacity(HEADER + 8 + names + self.entries.len() * 4);
        out.push(FORMAT);
        out.extend_from_slice(&[0; 8]);
        let last = self.last().unwrap_or_default();
        put_short(&mut out, self.sources.len() as u64);
        for Source { stream, value } in &self.sources {
            put_short(&mut out, stream.len() as u64);
            out.extend_from_slice(stream);
            put_short(&mut out, fold(value.0, last.0));
        }
        put_short(&mut out, self.entries.len() as u64);
        let mut before = None;
        for (position, source) in &self.entries {
            put_short(&mut out, before.map_or(last.0 - position.0, |before: Position| position.0 - before.0));
            put_short(&mut out, *source as u64);
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
        let mut sources = Vec::new();
        for _ in 0..r.short()? {
            let len = usize::try_from(r.short()?).map_err(|_| damaged())?;
            let stream = value.slice_ref(r.bytes(len)?);
            sources.push(Source { stream, value: Position(unfold(r.short()?, last.0)) });
        }
        let mut entries = Vec::new();
        let mut before: Option<Position> = None;
        for _ in 0..r.short()? {
            let (distance, source) = (r.short()?, r.short()?);
            let position = match before {
                None => last.0.checked_sub(distance),
                Some(before) => before.0.checked_add(distance),
            };
            let position = position.map(Position).ok_or_else(damaged)?;
            let source = usize::try_from(source).ok().filter(|&at| at < sources.len()).ok_or_else(damaged)?;
            entries.push((position, source));
            before = Some(position);
        }
        if before != Some(last) {
            return Err(damaged());
        }
        Ok(Self { sources, entries })
    }
}

/// A number near another one, as a small number.
fn fold(number: u64, near: u64) -> u64 {
    match number.checked_sub(near) {
        Some(more) => more << 1,
        None => ((near - number) << 1) - 1,
    }
}

fn unfold(folded: u64, near: u64) -> u64 {
    if folded & 1 == 0 { near.saturating_add(folded >> 1) } else { near.saturating_sub((folded >> 1) + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_back_and_damage_is_found() {
        let refs = Refs {
            sources: vec![
                Source { stream: Bytes::from_static(b"one"), value: Position(900) },
                Source { stream: Bytes::from_static(b"another"), value: Position(4) },
                Source { stream: Bytes::from_static(b"more"), value: Position(1_000) },
            ],
            entries: vec![(Position(3), 0), (Position(4), 1), (Position(5), 2), (Position(900), 0)],
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
