//! The events of one stream and class that were stored together, in one entry.
//!
//! ```text
//! id: <position of the last>-0
//!   1                       <stored at, ms>:<position of the first>
//!   <distance × 64 + kind>  <JSON>          distance: from the first; kind: class + 4 × mark
//!   …
//! ```

use bytes::Bytes;
use headwater_events::{Class, Event, Mark, Position};
use headwater_store::{Error, Record};
use jiff::Timestamp;
use redis::Value;

use crate::reply::{self, Id};

/// What an entry of a stream holds for us.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Events, in order.
    Events(Vec<Record>),
    /// Nothing that can be read: it is told at this position.
    Undecodable(Position),
}

/// Reads an entry of a stream.
pub(crate) fn decode(entry: Value) -> Result<Entry, Error> {
    let [id, fields] = reply::parts(entry)?;
    let id = reply::text(id)?;
    let id = Id::parse(&id).ok_or_else(reply::strange)?;
    let fields = reply::array(fields)?;
    if let Some(records) = events(id, fields) {
        return Ok(Entry::Events(records));
    }
    // What somebody wrote behind a position is told there: nothing else says how far it reaches.
    Ok(Entry::Undecodable(Position(id.position)))
}

/// Where the events of an entry of ours stand, and how many bytes each has; what is not ours has none.
pub(crate) fn places(entry: &Value) -> impl Iterator<Item = (Position, usize)> {
    let fields = match entry {
        Value::Array(parts) => match parts.get(1) {
            Some(Value::Array(fields)) => fields.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    let first = fields.get(1).and_then(|head| match head {
        Value::BulkString(head) => std::str::from_utf8(head).ok()?.split_once(':')?.1.parse::<u64>().ok(),
        _ => None,
    });
    let events = fields.get(2..).unwrap_or_default().as_chunks::<2>().0;
    events.iter().filter_map(move |[place, json]| {
        let Value::BulkString(json) = json else { return None };
        let position = first?.checked_add(reply::number(place).ok()? / 64)?;
        Some((Position(position), json.len()))
    })
}

/// The events of an entry, if it is one of ours and whole.
fn events(id: Id, fields: Vec<Value>) -> Option<Vec<Record>> {
    if id.behind != 0 || fields.len() < 4 {
        return None;
    }
    let mut fields = fields.into_iter();
    if plain(fields.next()?)? != "1" {
        return None;
    }
    let head = plain(fields.next()?)?;
    let (stored_at, first) = head.split_once(':')?;
    let stored_at = Timestamp::from_millisecond(stored_at.parse().ok()?).ok()?;
    let first: u64 = first.parse().ok()?;
    let mut records = Vec::with_capacity(fields.len() / 2);
    let mut last = 0;
    while let Some(field) = fields.next() {
        let place: u64 = plain(field)?.parse().ok()?;
        let Value::BulkString(json) = fields.next()? else {
            return None;
        };
        let position = first.checked_add(place / 64)?;
        let kind = u8::try_from(place % 64).ok()?;
        let (class, mark) = (Class::from_u8(kind % 4)?, Mark::from_u8(kind / 4)?);
        let event = Event::from_stored(Bytes::from(json)).ok()?;
        records.push(Record::new(event, Position(position), stored_at, class, mark));
        last = position;
    }
    (last == id.position).then_some(records)
}

fn plain(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn entry(id: &str, fields: &[&str]) -> Value {
        Value::Array(vec![bulk(id), Value::Array(fields.iter().map(|field| bulk(field)).collect())])
    }

    const JSON: &str = r#"{"specversion":"1.0","id":"1","source":"/a","type":"x.v1","stream":"s"}"#;

    #[test]
    fn events_come_back() {
        let fields = ["1", "5000:100", "0", JSON, &(3 * 64 + 1 + 4 * 2).to_string(), JSON];
        let Entry::Events(records) = decode(entry("103-0", &fields)).unwrap() else {
            panic!("two events");
        };
        let places: Vec<_> = records.iter().map(|r| (r.position().0, r.class(), r.mark())).collect();
        assert_eq!(places, [(100, Class::Durable, Mark::None), (103, Class::Transient, Mark::Completed)]);
        assert_eq!(records[0].stored_at_ms(), 5000);
    }

    #[test]
    fn what_is_not_ours_is_told_at_its_place() {
        let good = ["1", "5000:100", "0", JSON];
        for (id, fields, at) in [
            ("100-1", &good[..], 100),
            ("99-0", &good, 99),
            ("100-0", &["data", "x"], 100),
            ("100-0", &["1", "5000:100", "0", "{}"], 100),
            ("100-0", &["1", "5000:100", "63", JSON], 100),
            ("100-0", &["1", "5000:100", "0", JSON, "1"], 100),
        ] {
            let told = decode(entry(id, fields)).unwrap();
            assert!(matches!(told, Entry::Undecodable(Position(p)) if p == at), "{id} {fields:?}: {told:?}");
        }
    }
}
