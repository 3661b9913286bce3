//! The structured JSON form, written by hand: attributes in a fixed order, payload last.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use bytestring::ByteString;
use memchr::memchr2;

use super::{
    Data, Inner, attribute,
    inner::{STREAM, TEXTS, Texts},
};
use crate::EventError;

pub(crate) fn json(event: &Inner) -> Bytes {
    write(event, &event.texts()).text.into()
}

/// The event with these text attributes, as slices of its own encoded form. What it was read from, such as the buffer
/// of a request, is held no longer.
pub(crate) fn settle(event: &Inner, texts: &Texts<'_>) -> Inner {
    let Written { text, texts: cuts, extensions, data } = write(event, texts);
    let text = ByteString::from(text);
    let mut own = Inner { sequence: event.sequence, ..Inner::default() };
    for ((slot, cut), (_, value)) in own.slots().into_iter().zip(cuts).zip(texts) {
        if let Some(value) = value {
            // What is escaped in the text does not stand there as it is.
            slot.put(cut.map_or_else(|| value.to_string().into(), |cut| text.slice_ref(&text[cut])));
        }
    }
    let extension = |(name, value): (Cut, Cut)| (text.slice_ref(&text[name]), text.slice_ref(&text[value]));
    own.extensions = extensions.into_iter().map(extension).collect();
    own.data = match (&event.data, data) {
        (Data::Json(_), Some(cut)) => Data::Json(text.slice_ref(&text[cut])),
        (Data::Binary(bytes), _) => Data::Binary(Bytes::copy_from_slice(bytes)),
        _ => Data::None,
    };
    let _ = own.json.set(text.into_bytes());
    own
}

/// Where a value stands in the encoded form.
type Cut = Range<usize>;

/// An encoded event, and where its values stand in it.
struct Written {
    text: String,
    /// None for what is absent or escaped.
    texts: [Option<Cut>; TEXTS],
    /// Name and value.
    extensions: Vec<(Cut, Cut)>,
    data: Option<Cut>,
}

fn write(event: &Inner, texts: &Texts<'_>) -> Written {
    let mut out = String::with_capacity(length(event, texts));
    let mut cuts = [const { None }; TEXTS];
    out.push_str(r#"{"specversion":"1.0""#);
    for (at, ((name, value), cut)) in texts.iter().zip(&mut cuts).enumerate() {
        if let Some(value) = value {
            key(&mut out, name);
            *cut = string(&mut out, value);
        }
        if let (STREAM, Some(sequence)) = (at, event.sequence) {
            key(&mut out, "sequence");
            out.push('"');
            out.push_str(&sequence.to_string());
            out.push('"');
        }
    }
    let extensions = event.extensions.iter().map(|(name, value)| {
        let name = key(&mut out, name);
        (name, raw(&mut out, value))
    });
    let extensions = extensions.collect();
    let data = match &event.data {
        Data::None => None,
        Data::Json(text) => {
            key(&mut out, "data");
            Some(raw(&mut out, text))
        }
        Data::Binary(bytes) => {
            key(&mut out, "data_base64");
            out.push('"');
            STANDARD.encode_string(bytes, &mut out);
            out.push('"');
            None
        }
    };
    out.push('}');
    Written { text: out, texts: cuts, extensions, data }
}

/// How long the encoded form is where nothing is escaped: then it is written without being moved.
fn length(event: &Inner, texts: &Texts<'_>) -> usize {
    let texts = texts.iter().filter_map(|(name, value)| value.map(|value| name.len() + value.len() + 6));
    let extensions = event.extensions.iter().map(|(name, value)| name.len() + value.len() + 4);
    let sequence = event.sequence.map_or(0, |n| 15 + n.checked_ilog10().unwrap_or(0) as usize);
    let data = match &event.data {
        Data::None => 0,
        Data::Json(text) => text.len() + 8,
        Data::Binary(bytes) => bytes.len().div_ceil(3) * 4 + 17,
    };
    21 + texts.sum::<usize>() + sequence + extensions.sum::<usize>() + data
}

/// A string extension in its normal form; an empty one is allowed.
pub(crate) fn extension(name: &str, value: &str) -> Result<ByteString, EventError> {
    if !value.is_empty() {
        attribute::text(name, value, attribute::MAX_TEXT)?;
    }
    let mut out = String::with_capacity(value.len() + 2);
    string(&mut out, value);
    Ok(out.into())
}

fn raw(out: &mut String, value: &str) -> Cut {
    let from = out.len();
    out.push_str(value);
    from..out.len()
}

fn key(out: &mut String, name: &str) -> Cut {
    out.push_str(",\"");
    let name = raw(out, name);
    out.push_str("\":");
    name
}

/// A JSON string; gives where it stands unless it is escaped there. Attribute values have no control characters, so
/// only quotes and backslashes are escaped.
pub(crate) fn string(out: &mut String, value: &str) -> Option<Cut> {
    out.push('"');
    let from = out.len();
    let mut rest = value;
    while let Some(at) = memchr2(b'"', b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        out.push('\\');
        out.push_str(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    let cut = from..out.len();
    out.push('"');
    (cut.len() == value.len()).then_some(cut)
}
