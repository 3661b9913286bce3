//! A write as a record of the state's topic.
//!
//! ```text
//!  key     kind, key, 0, attempt       each attempt has a key of its own, so that compaction takes none for another
//!  value   rank, deleted, value        a tombstone takes the attempt away
//! ```

use bytes::{Buf, BufMut, Bytes};

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A caller's.
    Caller,
    /// The store's own.
    Own,
}

/// One attempt to write a key, by whom it was made and how often he had made one.
pub(crate) type AttemptId = u128;

/// What an attempt would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    /// One more than that of the write it replaces.
    pub(crate) rank: u64,
    /// `None` deletes the key.
    pub(crate) value: Option<Bytes>,
}

const CALLER: u8 = b's';
const OWN: u8 = b'i';

/// The record's key.
pub(crate) fn record_key(kind: Kind, key: &str, attempt: AttemptId) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + 18);
    out.put_u8(match kind {
        Kind::Caller => CALLER,
        Kind::Own => OWN,
    });
    out.put_slice(key.as_bytes());
    // Keys have no control characters.
    out.put_u8(0);
    out.put_u128(attempt);
    out
}

/// What a record's key was made of; `None` is another kind of record.
pub(crate) fn parse_key(bytes: &[u8]) -> Option<(Kind, &str, AttemptId)> {
    let (&first, rest) = bytes.split_first()?;
    let kind = match first {
        CALLER => Kind::Caller,
        OWN => Kind::Own,
        _ => return None,
    };
    let (rest, attempt) = rest.split_last_chunk::<16>()?;
    let (0, key) = rest.split_last().map(|(end, key)| (*end, key))? else { return None };
    Some((kind, std::str::from_utf8(key).ok()?, u128::from_be_bytes(*attempt)))
}

/// The record's value.
pub(crate) fn record_value(write: &Write) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + write.value.as_ref().map_or(0, Bytes::len));
    out.put_u64(write.rank);
    out.put_u8(u8::from(write.value.is_none()));
    out.put_slice(write.value.as_deref().unwrap_or_default());
    out
}

/// What a record's value was made of.
pub(crate) fn parse_value(mut bytes: &[u8]) -> Option<Write> {
    let rank = bytes.try_get_u64().ok()?;
    let deleted = bytes.try_get_u8().ok()? != 0;
    Some(Write { rank, value: (!deleted).then(|| Bytes::copy_from_slice(bytes)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_back() {
        for (kind, key) in [(Kind::Caller, "p/é"), (Kind::Own, ""), (Kind::Caller, "k")] {
            let bytes = record_key(kind, key, u128::MAX - 7);
            assert_eq!(parse_key(&bytes), Some((kind, key, u128::MAX - 7)));
        }
        for value in [None, Some(Bytes::new()), Some(Bytes::from_static(b"v"))] {
            let write = Write { rank: 9, value };
            assert_eq!(parse_value(&record_value(&write)), Some(write));
        }
        for other in [&b""[..], b"s", b"rx/y", b"s0123456789abcdef"] {
            assert_eq!(parse_key(other), None);
        }
        assert_eq!(parse_value(b"short"), None);
    }
}
