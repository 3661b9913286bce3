//! Durations and sizes as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads `250ms`, `30s`, `1h 30m`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write it like 250ms, 30s, 1h or 7d");
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(exact).map_err(|_| format!("`{text}` is negative"))
}

/// Reads a duration, or `off` for none.
pub(crate) fn duration_or_off(text: &str) -> Result<Limit<Duration>, String> {
    if text == "off" { Ok(Limit(None)) } else { duration(text).map(|d| Limit(Some(d))) }
}

/// Reads a number of bytes: `4096`, `256KiB`, `64MiB`, `2GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: write it like 4096, 256KiB, 64MiB or 2GiB");
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// Reads a number of bytes, or `off` for no limit.
pub(crate) fn bytes_or_off(text: &str) -> Result<Limit<u64>, String> {
    if text == "off" { Ok(Limit(None)) } else { bytes(text).map(|n| Limit(Some(n))) }
}

/// Reads a number, or `off` for no limit.
pub(crate) fn count_or_off(text: &str) -> Result<Limit<u64>, String> {
    if text == "off" {
        return Ok(Limit(None));
    }
    text.parse().map(|n| Limit(Some(n))).map_err(|_| format!("`{text}` is neither a number nor `off`"))
}

/// A limit, or none. (Its own type, because clap reads `Option` as "flag may be left out".)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit<T>(pub(crate) Option<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 24 * 3600)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration_or_off("off"), Ok(Limit(None)));
        for wrong in ["", "7", "soon", "-3s", "1 month"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("256KiB"), Ok(256 * 1024));
        assert_eq!(bytes("2 GiB"), Ok(2 << 30));
        assert_eq!(bytes_or_off("off"), Ok(Limit(None)));
        for wrong in ["", "KiB", "1kb", "99999999999999TiB", "-1"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
