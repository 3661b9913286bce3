//! Taking answers apart.

use bytes::Bytes;
use headwater_events::Position;
use headwater_store::Error;
use redis::Value;

/// An answer of a shape that no script of ours gives.
pub(crate) fn strange() -> Error {
    Error::corrupt(None, "the server gave an answer that no script of ours gives")
}

pub(crate) fn array(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        _ => Err(strange()),
    }
}

/// As [`array`], with one place for each of `N` parts.
pub(crate) fn parts<const N: usize>(value: Value) -> Result<[Value; N], Error> {
    array(value)?.try_into().map_err(|_| strange())
}

pub(crate) fn bytes(value: Value) -> Result<Bytes, Error> {
    match value {
        Value::BulkString(bytes) => Ok(bytes.into()),
        Value::SimpleString(text) => Ok(text.into()),
        Value::Nil => Ok(Bytes::new()),
        _ => Err(strange()),
    }
}

pub(crate) fn text(value: Value) -> Result<String, Error> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| strange()),
        Value::SimpleString(text) => Ok(text),
        Value::Nil => Ok(String::new()),
        Value::Int(n) => Ok(n.to_string()),
        _ => Err(strange()),
    }
}

/// A number that is not negative, written or plain; nothing is 0.
pub(crate) fn number(value: &Value) -> Result<u64, Error> {
    match value {
        Value::Int(n) => u64::try_from(*n).map_err(|_| strange()),
        Value::BulkString(digits) if digits.is_empty() => Ok(0),
        Value::BulkString(digits) => {
            std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(strange)
        }
        Value::Nil => Ok(0),
        _ => Err(strange()),
    }
}

pub(crate) fn position(value: &Value) -> Result<Position, Error> {
    number(value).map(Position)
}

/// The id of an entry of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    /// Where an event stands, or behind which something else was written.
    pub(crate) position: u64,
    /// 0 for what stands at the position itself.
    pub(crate) behind: u64,
}

impl Id {
    /// Behind everything that was written at or behind a position so far.
    pub(crate) fn behind(position: Position) -> Self {
        Self { position: position.0, behind: u64::MAX }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (position, behind) = text.split_once('-')?;
        Some(Self { position: position.parse().ok()?, behind: behind.parse().ok()? })
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.position, self.behind)
    }
}
