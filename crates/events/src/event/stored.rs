//! The structured JSON form as [`encode`](super::encode) writes it: known keys first, payload last.
//!
//! Catch-up reads live here, so nothing is parsed twice: attributes are cut out and the payload is taken as it stands.

use bytes::Bytes;
use bytestring::ByteString;

use super::{Data, Inner, decode, json};
use crate::{Code, EventError};

/// An event from a store. Its structure is checked, its values are trusted.
pub(super) fn stored(bytes: Bytes) -> Result<Inner, EventError> {
    let text = json::utf8(bytes)?;
    let mut event = Inner::default();
    let mut reader = Reader { text: &text, at: 0 };
    reader.expect(b'{')?;
    loop {
        let name = reader.quoted()?.text;
        reader.expect(b':')?;
        match name {
            "specversion" => {
                reader.quoted()?;
            }
            "id" => event.id = reader.string()?,
            "source" => event.source = reader.string()?,
            "type" => event.ty = reader.string()?,
            "sequence" => {
                let digits = reader.quoted()?.text;
                event.sequence = Some(digits.parse().map_err(|_| corrupt())?);
            }
            "data" => {
                event.data = Data::Json(text.slice_ref(reader.payload()?));
                break;
            }
            "data_base64" => event.data = Data::Binary(decode::base64(reader.quoted()?.text)?),
            known if let Some(slot) = event.slot(known) => slot.put(reader.string()?),
            name => event.extensions.push((text.slice_ref(name), text.slice_ref(reader.value()?))),
        }
        match reader.next() {
            Some(b',') => {}
            Some(b'}') if reader.at == text.len() => break,
            _ => return Err(corrupt()),
        }
    }
    if event.id.is_empty() || event.ty.is_empty() || event.source.is_empty() {
        return Err(corrupt());
    }
    let _ = event.json.set(text.into_bytes());
    Ok(event)
}

struct Reader<'a> {
    text: &'a ByteString,
    at: usize,
}

/// What stands between two quotes.
struct Quoted<'a> {
    text: &'a str,
    escaped: bool,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        byte
    }

    fn expect(&mut self, want: u8) -> Result<(), EventError> {
        if self.next() == Some(want) { Ok(()) } else { Err(corrupt()) }
    }

    fn quoted(&mut self) -> Result<Quoted<'a>, EventError> {
        self.expect(b'"')?;
        let from = self.at;
        let mut escaped = false;
        loop {
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                }
                Some(_) => {}
                None => return Err(corrupt()),
            }
        }
        // Quotes and what was skipped are single bytes, so the cut lies between characters.
        let text = self.text.get(from..self.at - 1).ok_or_else(corrupt)?;
        Ok(Quoted { text, escaped })
    }

    fn string(&mut self) -> Result<ByteString, EventError> {
        let from = self.at;
        let quoted = self.quoted()?;
        if quoted.escaped {
            return serde_json::from_str::<String>(&self.text[from..self.at])
                .map(ByteString::from)
                .map_err(|_| corrupt());
        }
        Ok(self.text.slice_ref(quoted.text))
    }

    /// An extension's value as it stands: a string, a number or a word.
    fn value(&mut self) -> Result<&'a str, EventError> {
        let from = self.at;
        if self.text.as_bytes().get(from) == Some(&b'"') {
            self.quoted()?;
        } else {
            let rest = &self.text.as_bytes()[from.min(self.text.len())..];
            let plain = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
            if plain == 0 {
                return Err(corrupt());
            }
            self.at += plain;
        }
        Ok(&self.text[from..self.at])
    }

    /// The payload: everything up to the last brace.
    fn payload(&mut self) -> Result<&'a str, EventError> {
        let payload =
            self.text.get(self.at..).and_then(|rest| rest.strip_suffix('}')).filter(|p| !p.is_empty());
        payload.ok_or_else(corrupt)
    }
}

fn corrupt() -> EventError {
    EventError::new(Code::MalformedJson, "is not a stored event")
}
