//! Batched mode: a JSON array of events, cut into them without copying.

use bytes::Bytes;
use bytestring::ByteString;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    Code, Event, EventError,
    event::{decode::from_members, json::Members},
};

/// The events of a batch; an error carries the index of its event. `read` reads each where not all of them are
/// CloudEvents.
pub(super) fn decode(
    body: Bytes,
    read: impl Fn(Bytes) -> Result<Event, EventError>,
) -> Result<Vec<Event>, (usize, EventError)> {
    let text =
        ByteString::try_from(body).map_err(|_| (0, EventError::new(Code::MalformedJson, "is not UTF-8")))?;
    let mut events = Vec::new();
    let whole = elements(&text, |Members(members)| match from_members(&text, &members) {
        Ok(event) => {
            events.push(Event::from_inner(event));
            true
        }
        Err(_) => false,
    });
    if whole.is_ok() {
        return Ok(events);
    }
    one_by_one(&text, read)
}

/// Cuts the whole batch before anything in it is read: the way that tells what is wrong, and with which event.
fn one_by_one(
    text: &ByteString,
    read: impl Fn(Bytes) -> Result<Event, EventError>,
) -> Result<Vec<Event>, (usize, EventError)> {
    let mut raw: Vec<&RawValue> = Vec::new();
    let cut = elements(text, |element| {
        raw.push(element);
        true
    });
    if let Err(e) = cut {
        let why = format!("is not a JSON array of CloudEvents: {e}");
        return Err((raw.len(), EventError::new(Code::MalformedJson, why)));
    }
    let events = raw.iter().enumerate().map(|(i, element)| {
        let slice = text.slice_ref(element.get()).into_bytes();
        read(slice).map_err(|e| (i, e))
    });
    events.collect()
}

/// Hands over the elements of an array until one is not taken.
fn elements<'a, T: Deserialize<'a>>(
    text: &'a ByteString,
    take: impl FnMut(T) -> bool,
) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Elements(take, std::marker::PhantomData).deserialize(&mut reader)?;
    reader.end()
}

struct Elements<F, T>(F, std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> DeserializeSeed<'de> for Elements<F, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> Visitor<'de> for Elements<F, T> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            if !(self.0)(element) {
                return Err(A::Error::custom("an element was not taken"));
            }
        }
        Ok(())
    }
}
