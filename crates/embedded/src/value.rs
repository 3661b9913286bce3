//! Events of one run that were written by one commit, in one value.
//!
//! ```text
//! 0        1           9
//! format   stored_at   how many   (distance, class and mark: 1, length, checksum: 8) …   JSON …
//! ```
//! Numbers without a width are short ones. The value's key has the position of its last event: who reads on behind a
//! position finds the value that goes on there first. The first distance is that to the last event, each further one
//! that to the event before. Each checksum covers the event's JSON, class, mark, time and position, so that a value that
//! stands in the wrong place is found.

use bytes::{BufMut, Bytes};
use headwater_events::{Class, Event, Mark, Position};
use headwater_store::{Error, Record};
use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use crate::codec::{Reader, put_short};

const FORMAT: u8 = 1;
/// The most events in one value, and about the most bytes: what a reader of one of them has to read.
const MOST_EVENTS: usize = 1_000;
const MOST_BYTES: usize = 256 * 1024;

/// An event on its way into a value.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) position: Position,
    pub(crate) class: Class,
    pub(crate) mark: Mark,
    pub(crate) json: Bytes,
    pub(crate) checksum: u64,
}

/// Cuts events into pieces that fit into one value each.
pub(crate) fn pieces(mut bodies: &[Body]) -> impl Iterator<Item = &[Body]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = bodies.iter().take(MOST_EVENTS).take_while(|body| {
            bytes += body.json.len();
            bytes <= MOST_BYTES
        });
        let (piece, rest) = bodies.split_at(fits.count().max(1).min(bodies.len()));
        bodies = rest;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

/// A value of events of one run that were stored together, in the order of their positions.
pub(crate) fn encode(bodies: &[Body], stored_at: i64) -> Vec<u8> {
    let last = bodies.last().map_or(Position::ZERO, |body| body.position);
    let json: usize = bodies.iter().map(|body| body.json.len()).sum();
    let mut out = Vec::with_capacity(12 + bodies.len() * 16 + json);
    out.put_u8(FORMAT);
    out.put_i64(stored_at);
    put_short(&mut out, bodies.len() as u64);
    let mut before: Option<Position> = None;
    for body in bodies {
        let position = body.position.0;
        put_short(&mut out, before.map_or(last.0 - position, |before| position - before.0));
        out.put_u8(body.class as u8 | (body.mark as u8) << 4);
        put_short(&mut out, body.json.len() as u64);
        out.put_u64(body.checksum);
        before = Some(body.position);
    }
    bodies.iter().for_each(|body| out.extend_from_slice(&body.json));
    out
}

/// An event as it was read, not yet checked.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) position: Position,
    pub(crate) class: Class,
    pub(crate) mark: Mark,
    pub(crate) stored_at: i64,
    pub(crate) checksum: u64,
    pub(crate) json: Bytes,
}

impl Stored {
    /// Checks that the event is what was written at its position.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let sum = checksum(self.class, self.mark, self.stored_at, xxh3_64(&self.json), self.position);
        if sum == self.checksum {
            return Ok(());
        }
        Err(Error::corrupt(Some(self.position), "the checksum does not fit"))
    }

    /// The event as readers get it, without copying its JSON.
    pub(crate) fn into_record(self) -> Result<Record, Error> {
        self.check()?;
        let position = self.position;
        let event = Event::from_stored(self.json).map_err(|e| Error::corrupt(Some(position), e))?;
        let stored_at = Timestamp::from_millisecond(self.stored_at).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Record::new(event, position, stored_at, self.class, self.mark))
    }
}

/// Reads the events behind `after` of the value whose last one is at `last`.
pub(crate) fn decode(value: &Bytes, last: Position, after: Position) -> Result<Vec<Stored>, Error> {
    let damaged = |what: &str| Error::corrupt(Some(last), what);
    let mut r = Reader::new(value, "a value of events");
    if r.u8()? != FORMAT {
        return Err(damaged("the value has an unknown format"));
    }
    let stored_at = r.i64()?;
    let count = r.short()?;
    let mut events = Vec::new();
    let mut before: Option<Position> = None;
    let mut at = 0usize;
    for _ in 0..count {
        let distance = r.short()?;
        let position = match before {
            None => last.0.checked_sub(distance),
            Some(before) => before.0.checked_add(distance),
        };
        let position = position.map(Position).ok_or_else(|| damaged("a position is out of range"))?;
        let kind = r.u8()?;
        let class = Class::from_u8(kind & 0xf).ok_or_else(|| damaged("an event has an unknown class"))?;
        let mark = Mark::from_u8(kind >> 4).ok_or_else(|| damaged("an event has an unknown mark"))?;
        let len = usize::try_from(r.short()?).map_err(|_| damaged("an event is too long"))?;
        let checksum = r.u64()?;
        if position > after {
            // The place of the JSON is known when all headers have been read.
            events.push((at, len, Stored { position, class, mark, stored_at, checksum, json: Bytes::new() }));
        }
        at = at.checked_add(len).ok_or_else(|| damaged("an event is too long"))?;
        before = Some(position);
    }
    if before != Some(last) || r.left() != at {
        return Err(damaged("the value does not end where it should"));
    }
    let bodies = value.slice(value.len() - at..);
    let slice =
        |(at, len, stored): (usize, usize, Stored)| Stored { json: bodies.slice(at..at + len), ..stored };
    Ok(events.into_iter().map(slice).collect())
}

/// What tells that an event is the one that was written at its position.
pub(crate) fn checksum(class: Class, mark: Mark, stored_at: i64, json_hash: u64, position: Position) -> u64 {
    let mut bytes = [0u8; 26];
    bytes[..2].copy_from_slice(&[class as u8, mark as u8]);
    bytes[2..10].copy_from_slice(&stored_at.to_be_bytes());
    bytes[10..18].copy_from_slice(&json_hash.to_be_bytes());
    bytes[18..].copy_from_slice(&position.0.to_be_bytes());
    xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(position: u64, json: &'static [u8]) -> Body {
        let (position, json) = (Position(position), Bytes::from_static(json));
        let sum = checksum(Class::Durable, Mark::Opens, 1_000, xxh3_64(&json), position);
        Body { position, class: Class::Durable, mark: Mark::Opens, json, checksum: sum }
    }

    fn whole(value: &[u8], last: u64) -> Result<(), Error> {
        let events = decode(&Bytes::copy_from_slice(value), Position(last), Position::ZERO)?;
        events.iter().try_for_each(Stored::check)
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let value = encode(&[body(7, br#"{"id":"1"}"#), body(9, br#"{"id":"22"}"#)], 1_000);
        assert!(whole(&value, 9).is_ok());
        assert!(whole(&value, 10).is_err(), "a value in the wrong place");
        for bit in 0..value.len() * 8 {
            let mut bad = value.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(whole(&bad, 9).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn only_what_is_behind_is_read() {
        let value = Bytes::from(encode(&[body(7, b"a"), body(9, b"bc"), body(300, b"d")], 1_000));
        let read = decode(&value, Position(300), Position(7)).unwrap();
        let read: Vec<_> = read.iter().map(|stored| (stored.position.0, &stored.json[..])).collect();
        assert_eq!(read, [(9, b"bc".as_slice()), (300, b"d")]);
    }

    #[test]
    fn a_value_is_bounded() {
        let small = vec![body(1, b"x"); 2_500];
        assert_eq!(pieces(&small).map(<[Body]>::len).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        let mut large = vec![body(1, b"x"); 3];
        large[1].json = Bytes::from(vec![b'x'; MOST_BYTES + 1]);
        assert_eq!(pieces(&large).map(<[Body]>::len).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
