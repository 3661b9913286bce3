//! An event as a Kafka record: CloudEvents' structured mode, so that any consumer of the topic can read it.
//!
//! ```text
//!  key       tenant/stream
//!  headers   content-type: application/cloudevents+json
//!            hw: class and mark, such as d0
//!  value     the event as JSON, as it was encoded once for everyone
//! ```
//!
//! Reading costs as little as a form of our own: attributes are cut out of the text, and the text is what
//! subscribers are sent.

use bytes::Bytes;
use headwater_events::{Class, Event, Lane, Mark, Position};
use headwater_store::Record;
use jiff::Timestamp;
use rdkafka::{
    Message,
    message::{Header, Headers, OwnedHeaders},
};

/// The header that says class and mark: without it a record is none of ours.
const HEADER: &str = "hw";

/// The headers of an event.
pub(crate) fn headers(class: Class, mark: Mark) -> OwnedHeaders {
    let class = match class {
        Class::Durable => b'd',
        Class::Transient => b't',
        Class::Internal => b'i',
    };
    let kind = [class, b'0' + mark as u8];
    OwnedHeaders::new_with_capacity(2)
        .insert(Header { key: HEADER, value: Some(&kind) })
        .insert(Header { key: "content-type", value: Some("application/cloudevents+json") })
}

/// The position of the record at an offset: one more, so that nothing stands at zero.
pub(crate) fn position(offset: i64) -> Position {
    Position(u64::try_from(offset).map_or(0, |offset| offset + 1))
}

/// The offset of the first record behind a position.
pub(crate) fn offset_behind(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

/// Class and mark of a record of ours; cheap, as the value is not looked at.
pub(crate) fn kind(message: &impl Message) -> Option<(Class, Mark)> {
    let headers = message.headers()?;
    let own = (0..headers.count()).map(|at| headers.get(at)).find(|header| header.key == HEADER)?;
    let &[class, mark] = own.value? else { return None };
    let class = match class {
        b'd' => Class::Durable,
        b't' => Class::Transient,
        b'i' => Class::Internal,
        _ => return None,
    };
    Some((class, Mark::from_u8(mark.wrapping_sub(b'0'))?))
}

/// The event of a record of ours in its lane; `None` is somebody else's.
pub(crate) fn decode(message: &impl Message, lane: Lane, lanes: u16) -> Option<Record> {
    let (class, mark) = kind(message)?;
    let event = Event::from_stored(Bytes::copy_from_slice(message.payload()?)).ok()?;
    let stored_at = Timestamp::from_millisecond(message.timestamp().to_millis()?).ok()?;
    let record = Record::new(event, position(message.offset()), stored_at, class, mark);
    (record.lane(lanes) == lane).then_some(record)
}
