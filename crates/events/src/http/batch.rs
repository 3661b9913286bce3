//! Batched mode: a JSON array of events, cut into them without copying.

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Code, Event, EventError};

/// The events of a batch, each as `read` reads it; an error carries the index of its event.
pub(super) fn decode(
    body: Bytes,
    read: impl Fn(Bytes) -> Result<Event, EventError>,
) -> Result<Vec<Event>, (usize, EventError)> {
    let text =
        ByteString::try_from(body).map_err(|_| (0, EventError::new(Code::MalformedJson, "is not UTF-8")))?;
    let mut raw: Vec<&RawValue> = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(&text);
    let parsed = Elements(&mut raw).deserialize(&mut reader).and_then(|()| reader.end());
    if let Err(e) = parsed {
        let why = format!("is not a JSON array of CloudEvents: {e}");
        return Err((raw.len(), EventError::new(Code::MalformedJson, why)));
    }
    let events = raw.iter().enumerate().map(|(i, element)| {
        let slice = text.slice_ref(element.get()).into_bytes();
        read(slice).map_err(|e| (i, e))
    });
    events.collect()
}

/// Collects elements from outside, so that those before an error can be counted.
struct Elements<'a, 'b>(&'b mut Vec<&'a RawValue>);

impl<'de> DeserializeSeed<'de> for Elements<'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            self.0.push(element);
        }
        Ok(())
    }
}
