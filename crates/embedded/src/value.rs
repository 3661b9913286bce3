//! A stored event: a header of 20 bytes and the event's JSON.
//!
//! ```text
//! 0        1      2     3  4            12         20
//! format   class  mark  0  stored_at    checksum   JSON
//! ```
//! The checksum covers the position too, so that a value that stands in the wrong place is found.

use bytes::Bytes;
use headwater_events::{Class, Event, Mark, Position};
use headwater_store::{Error, Record};
use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

/// How long the header is.
pub(crate) const HEADER: usize = 20;
const FORMAT: u8 = 1;

/// A value without time and checksum, and the hash of its JSON.
pub(crate) fn prepare(json: &[u8], class: Class, mark: Mark) -> (Vec<u8>, u64) {
    let mut value = Vec::with_capacity(HEADER + json.len());
    value.extend_from_slice(&[FORMAT, class as u8, mark as u8, 0]);
    value.extend_from_slice(&[0; 16]);
    value.extend_from_slice(json);
    (value, xxh3_64(json))
}

/// Completes a prepared value and gives its checksum.
pub(crate) fn seal(value: &mut [u8], json_hash: u64, position: Position, stored_at: i64) -> u64 {
    value[4..12].copy_from_slice(&stored_at.to_be_bytes());
    let sum = checksum(&value[..12], json_hash, position);
    value[12..HEADER].copy_from_slice(&sum.to_be_bytes());
    sum
}

/// Reads a value back without copying its JSON.
pub(crate) fn decode(value: &Bytes, position: Position) -> Result<Record, Error> {
    let header = check(value, position)?;
    let event = Event::from_stored(value.slice(HEADER..)).map_err(|e| Error::corrupt(Some(position), e))?;
    let stored_at = Timestamp::from_millisecond(header.stored_at).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Record::new(event, position, stored_at, header.class, header.mark))
}

/// What the header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) class: Class,
    pub(crate) mark: Mark,
    pub(crate) stored_at: i64,
    pub(crate) checksum: u64,
}

/// Checks that a value is what was written at `position`.
pub(crate) fn check(value: &[u8], position: Position) -> Result<Header, Error> {
    let corrupt = |what: &str| Error::corrupt(Some(position), what);
    if value.len() < HEADER {
        return Err(corrupt("the value is shorter than its header"));
    }
    if value[0] != FORMAT {
        return Err(corrupt("the value has an unknown format"));
    }
    let class = Class::from_u8(value[1]).ok_or_else(|| corrupt("the value has an unknown class"))?;
    let mark = Mark::from_u8(value[2]).ok_or_else(|| corrupt("the value has an unknown mark"))?;
    let word = |at: usize| -> [u8; 8] { std::array::from_fn(|i| value[at + i]) };
    let sum = u64::from_be_bytes(word(12));
    if sum != checksum(&value[..12], xxh3_64(&value[HEADER..]), position) {
        return Err(corrupt("the checksum does not fit"));
    }
    Ok(Header { class, mark, stored_at: i64::from_be_bytes(word(4)), checksum: sum })
}

fn checksum(head: &[u8], json_hash: u64, position: Position) -> u64 {
    let mut bytes = [0u8; 28];
    bytes[..12].copy_from_slice(&head[..12]);
    bytes[12..20].copy_from_slice(&json_hash.to_be_bytes());
    bytes[20..].copy_from_slice(&position.0.to_be_bytes());
    xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_is_found() {
        let (mut value, hash) = prepare(br#"{"id":"1"}"#, Class::Durable, Mark::Opens);
        seal(&mut value, hash, Position(7), 1_000);
        assert!(check(&value, Position(7)).is_ok());
        assert!(check(&value, Position(8)).is_err(), "a value in the wrong place");
        for bit in 0..value.len() * 8 {
            let mut bad = value.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&bad, Position(7)).is_err(), "bit {bit}");
        }
    }
}
