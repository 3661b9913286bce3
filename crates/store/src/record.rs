//! A stored event.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use headwater_events::{Class, Data, Event, Lane, Mark, Position, StreamName, Tenant, lane_of};
use jiff::Timestamp;

/// An event with what the log gave it. Cloning copies a pointer, so that however many readers share one record.
#[derive(Clone)]
pub struct Record(Arc<Inner>);

struct Inner {
    event: Event,
    position: Position,
    /// Milliseconds since the Unix epoch, by the log's clock.
    stored_at: i64,
    class: Class,
    mark: Mark,
    size: u32,
    frame: OnceLock<Bytes>,
}

/// What a record costs in memory beside the text of its event.
const OVERHEAD: usize = 768;

impl Record {
    /// A record of `event` at `position`.
    #[must_use]
    pub fn new(event: Event, position: Position, stored_at: Timestamp, class: Class, mark: Mark) -> Self {
        let stored_at = stored_at.as_millisecond();
        let size = event.encoded().map_or_else(|| encoded_size(&event), Bytes::len);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Self(Arc::new(Inner { event, position, stored_at, class, mark, size, frame: OnceLock::new() }))
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.0.event
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.position
    }

    /// When the log stored it, by the log's own clock.
    #[must_use]
    pub fn stored_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.stored_at).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When the log stored it, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn stored_at_ms(&self) -> i64 {
        self.0.stored_at
    }

    /// Its class, as decided at append.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What it does to its run, as decided at append.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.0.mark
    }

    /// About how many bytes the event's JSON has: what limits in bytes count. It is not encoded for that; only
    /// escaped characters in attributes are not counted.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size as usize
    }

    /// About how many bytes the record occupies in memory, its encoded forms included.
    #[must_use]
    pub fn weight(&self) -> usize {
        2 * self.size() + OVERHEAD
    }

    /// The tenant it belongs to.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.event().tenant().unwrap_or("default")
    }

    /// Whether it belongs to a stream.
    #[must_use]
    pub fn is_of(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        self.event().stream() == stream.as_str() && self.tenant() == tenant.as_str()
    }

    /// The lane it belongs to in a store with that many.
    #[must_use]
    pub fn lane(&self, lanes: u16) -> Lane {
        lane_of(self.tenant(), self.event().stream(), lanes)
    }

    /// A wire form made from this record, kept with it so that it is made once however many readers there are.
    ///
    /// There is one such place: whoever uses it must always make the same bytes for the same record. The gateway
    /// keeps the frame of the record's own stream there.
    pub fn frame(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.0.frame.get_or_init(|| make(self)).clone()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("position", &self.0.position)
            .field("class", &self.0.class)
            .field("event", &self.0.event)
            .finish_non_exhaustive()
    }
}

/// The length of [`Event::json`] without making it.
fn encoded_size(event: &Event) -> usize {
    // `{"specversion":"1.0"` and the closing brace.
    const BRACES: usize = 21;
    let attributes = [
        ("id", Some(event.id())),
        ("source", Some(event.source())),
        ("type", Some(event.ty())),
        ("subject", event.subject()),
        ("time", event.time_text()),
        ("datacontenttype", event.datacontenttype()),
        ("dataschema", event.dataschema()),
        ("dataref", event.dataref()),
        ("tenant", event.tenant()),
        ("traceparent", event.traceparent()),
        ("tracestate", event.tracestate()),
        ("correlationid", event.correlationid()),
        ("causationid", event.causationid()),
    ];
    let attributes: usize =
        attributes.iter().filter_map(|(name, value)| value.map(|value| name.len() + value.len() + 6)).sum();
    // Whether the stream is an attribute or the head of the subject is not told: counted as one.
    let stream = event.stream().len() + "stream".len() + 6;
    let sequence = event.sequence().map_or(0, |n| 15 + n.checked_ilog10().unwrap_or(0) as usize);
    let extensions: usize = event.extensions().map(|(name, value)| name.len() + value.len() + 4).sum();
    let data = match event.data() {
        Data::None => 0,
        Data::Json(text) => text.len() + 8,
        Data::Binary(bytes) => bytes.len().div_ceil(3) * 4 + 17,
    };
    BRACES + attributes + stream + sequence + extensions + data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_that_of_the_encoded_event() {
        let plain = Event::builder("/a", "x.y.v1").stream(&"s".parse().unwrap());
        let full =
            plain.clone().tenant(&Tenant::default()).subject("s/task/1").sequence(1234).extension("k", "v");
        let json = full.clone().correlationid("c").data(&serde_json::json!({"text": "a \"quoted\" word"}));
        let binary = full.clone().data_bytes(vec![1, 2, 3, 4]);
        for builder in [plain, full.clone().sequence(0), full.sequence(10), json, binary] {
            let event = builder.build().unwrap();
            assert_eq!(encoded_size(&event), event.json().len(), "{event:?}");
        }
    }
}
