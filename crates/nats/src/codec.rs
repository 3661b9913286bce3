//! An event as a message, and back.

use async_nats::{HeaderMap, HeaderName, Message};
use bytes::Bytes;
use headwater_events::{Class, Event, Mark, Position};
use headwater_store::Record;
use jiff::Timestamp;

/// What the log adds to an event: the number of its mark, a blank, and when it was stored in milliseconds.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("Headwater");
/// By this the server recognizes an event.
pub(crate) const MSG_ID: &str = "Nats-Msg-Id";

/// The value of [`HEADER`].
pub(crate) fn header(mark: Mark, stored_at_ms: i64) -> String {
    format!("{} {stored_at_ms}", mark as u8)
}

/// What [`HEADER`] says.
pub(crate) fn read_header(headers: Option<&HeaderMap>) -> Option<(Mark, i64)> {
    let (mark, stored_at) = headers?.get(HEADER)?.as_str().split_once(' ')?;
    Some((Mark::from_u8(mark.parse().ok()?)?, stored_at.parse().ok()?))
}

/// The class of an event, by the subject it stands under.
pub(crate) fn class(subject: &str) -> Option<Class> {
    let mut tokens = subject.split('.').skip(3);
    match (tokens.next()?, tokens.next()?) {
        ("v", "d") => Some(Class::Durable),
        ("v", "t") => Some(Class::Transient),
        ("i", "i") => Some(Class::Internal),
        _ => None,
    }
}

/// The record of a stored message; `None` for what this store did not write.
pub(crate) fn record(subject: &str, headers: Option<&HeaderMap>, payload: Bytes, seq: u64) -> Option<Record> {
    let class = class(subject)?;
    let (mark, stored_at) = read_header(headers)?;
    let stored_at = Timestamp::from_millisecond(stored_at).ok()?;
    let event = Event::from_stored(payload).ok()?;
    Some(Record::new(event, Position(seq), stored_at, class, mark))
}

/// Where a delivered message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    /// Its number in the consumer that delivered it.
    pub(crate) consumer_seq: u64,
    /// How many more the consumer has.
    pub(crate) pending: u64,
}

/// What the reply subject of a message from a consumer says.
pub(crate) fn place(message: &Message) -> Option<Place> {
    let mut tokens = message.reply.as_ref()?.split('.');
    if (tokens.next()?, tokens.next()?) != ("$JS", "ACK") {
        return None;
    }
    // With a domain there are two tokens more before the stream, and a random one at the end.
    let rest: Vec<_> = tokens.collect();
    let rest = if rest.len() > 7 { rest.get(2..)? } else { rest.as_slice() };
    let number = |i: usize| rest.get(i)?.parse().ok();
    Some(Place { seq: number(3)?, consumer_seq: number(4)?, pending: number(6)? })
}

/// The sequence of a message that was asked for directly.
pub(crate) fn direct_seq(message: &Message) -> Option<u64> {
    message.headers.as_ref()?.get("Nats-Sequence")?.as_str().parse().ok()
}

/// The subject under which a message that was asked for directly is stored.
pub(crate) fn direct_subject(message: &Message) -> Option<&str> {
    message.headers.as_ref()?.get_last("Nats-Subject").map(async_nats::HeaderValue::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(reply: &str) -> Message {
        Message {
            subject: "s".into(),
            reply: Some(reply.into()),
            payload: Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn a_reply_subject_says_where_a_message_stands() {
        let wanted = Some(Place { seq: 31, consumer_seq: 4, pending: 9 });
        assert_eq!(place(&message("$JS.ACK.hw-events.c.1.31.4.1763707200123456789.9")), wanted);
        assert_eq!(place(&message("$JS.ACK.dom.hash.hw-events.c.1.31.4.1763707200123456789.9.rnd")), wanted);
        assert_eq!(place(&message("$JS.FC.x")), None);
    }

    #[test]
    fn a_header_comes_back() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, header(Mark::Failed, 1_763_707_200_123));
        assert_eq!(read_header(Some(&headers)), Some((Mark::Failed, 1_763_707_200_123)));
        headers.insert(HEADER, "x");
        assert_eq!(read_header(Some(&headers)), None);
        assert_eq!(read_header(None), None);
    }
}
