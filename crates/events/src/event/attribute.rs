//! The rules every attribute value obeys, wherever it comes from.

use bytestring::ByteString;
use jiff::{Timestamp, Unit};

use crate::{Code, EventError};

/// The longest `id` and `type`, in bytes.
pub(crate) const MAX_NAME: usize = 256;
/// The longest of any other attribute, in bytes.
pub(crate) const MAX_TEXT: usize = 4096;
/// The most extensions beyond the known ones.
pub(crate) const MAX_EXTENSIONS: usize = 64;

/// Refuses an empty or overlong value and any control character or noncharacter (CloudEvents 1.0, type system):
/// CR, LF and NUL could otherwise forge a frame further down.
pub(crate) fn text(name: &str, value: &str, max: usize) -> Result<(), EventError> {
    let wrong = |why: String| Err(EventError::attribute(Code::InvalidAttribute, name, why));
    if value.is_empty() {
        return wrong("must not be empty".into());
    }
    if value.len() > max {
        return wrong(format!("must be at most {max} bytes, has {}", value.len()));
    }
    let plain = value.bytes().all(|b| (0x20..0x7f).contains(&b));
    if !plain && let Some(c) = value.chars().find(|&c| c.is_control() || is_noncharacter(c)) {
        return wrong(format!("must not contain the character U+{:04X}", c as u32));
    }
    Ok(())
}

/// Refuses an extension name that CloudEvents does not allow: lower-case letters and digits, 1 to 64 of them.
pub(crate) fn extension_name(name: &str) -> Result<(), EventError> {
    let fits =
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if fits {
        Ok(())
    } else {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        Err(EventError::attribute(Code::InvalidAttribute, shown, "attribute names are 1 to 64 of a-z 0-9"))
    }
}

/// Refuses any version of the specification but 1.0.
pub(crate) fn specversion(value: &str) -> Result<(), EventError> {
    if value == "1.0" {
        return Ok(());
    }
    Err(EventError::attribute(Code::UnsupportedSpecversion, "specversion", "must be `1.0`"))
}

/// Reads a sequence number.
pub(crate) fn sequence(digits: &str) -> Result<u64, EventError> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().ok_or_else(|| {
        EventError::attribute(Code::InvalidAttribute, "sequence", "must be an unsigned integer")
    })
}

/// Reads RFC 3339 in any offset and gives it back in UTC with milliseconds.
pub(crate) fn time(value: ByteString) -> Result<ByteString, EventError> {
    let bytes = value.as_bytes();
    // The library reads more than RFC 3339, such as signed years and zone names in brackets.
    let rfc3339 = (20..=40).contains(&bytes.len())
        && bytes[4] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':'
        && bytes.iter().all(|b| {
            b.is_ascii_digit() || matches!(b, b'-' | b'+' | b':' | b'.' | b'T' | b't' | b'Z' | b'z' | b' ')
        });
    let parsed = rfc3339.then(|| value.parse::<Timestamp>().ok()).flatten();
    // What is in its normal form already stays where it is.
    if parsed.is_some() && bytes.len() == 24 && bytes[10] == b'T' && bytes[19] == b'.' && bytes[23] == b'Z' {
        return Ok(value);
    }
    parsed
        .and_then(millis)
        .map(ByteString::from)
        .ok_or_else(|| EventError::attribute(Code::InvalidAttribute, "time", "must be an RFC 3339 timestamp"))
}

/// A timestamp as events carry it: RFC 3339, UTC, milliseconds. `None` outside the years 0 to 9999.
pub(crate) fn millis(time: Timestamp) -> Option<String> {
    let time = time
        .round(jiff::TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Trunc))
        .ok()?;
    Some(format!("{time:.3}")).filter(|text| text.len() == 24)
}

fn is_noncharacter(c: char) -> bool {
    let n = c as u32;
    (0xFDD0..=0xFDEF).contains(&n) || n & 0xFFFE == 0xFFFE
}
