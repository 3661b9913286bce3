//! Attribute values as header values (CloudEvents HTTP binding 1.0.2, section 3.1.3.2).

use ::http::{HeaderMap, HeaderValue};

use crate::{Code, EventError};

/// What the names of attribute headers begin with.
const PREFIX: &str = "ce-";

/// Whether there is any attribute header.
pub(super) fn any(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with(PREFIX))
}

/// The attribute headers: names without their prefix, values decoded.
pub(super) fn attributes(headers: &HeaderMap) -> impl Iterator<Item = Result<(&str, String), EventError>> {
    headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(PREFIX)?;
        Some(decode(value).map(|value| (name, value)).map_err(|why| {
            EventError::attribute(Code::InvalidAttribute, name.chars().take(64).collect::<String>(), why)
        }))
    })
}

/// Takes quotes off and decodes percent escapes, once.
fn decode(value: &HeaderValue) -> Result<String, &'static str> {
    let raw = value.as_bytes().trim_ascii();
    let unquoted = match raw {
        [b'"', inner @ .., b'"'] => unquote(inner)?,
        [b'"', ..] => return Err("has an opening quote without a closing one"),
        _ => raw.to_vec(),
    };
    let mut out = Vec::with_capacity(unquoted.len());
    let mut bytes = unquoted.iter();
    while let Some(&b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let mut digit = || bytes.next().and_then(|&b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err("has `%` without two hexadecimal digits: write `%25`");
        };
        // Two hexadecimal digits make one byte.
        out.push((high * 16 + low) as u8);
    }
    // The check refuses overlong forms and surrogates as well.
    String::from_utf8(out).map_err(|_| "is not UTF-8 after percent-decoding")
}

fn unquote(inner: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&b) = bytes.next() {
        match b {
            b'\\' => out.push(*bytes.next().ok_or("ends inside an escape")?),
            b'"' => return Err("has a quote inside a quoted value"),
            _ => out.push(b),
        }
    }
    Ok(out)
}

/// A value as a header: spaces, quotes, percent signs and what is not printable ASCII are percent-encoded.
pub(super) fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for b in value.bytes() {
        if matches!(b, 0x21 | 0x23 | 0x24 | 0x26..=0x7e) {
            out.push(char::from(b));
        } else {
            out.push('%');
            for digit in [b >> 4, b & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    out
}
