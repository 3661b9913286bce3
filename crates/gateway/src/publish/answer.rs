//! The answer to a publish, written by hand: it is the same every time.

use std::io::Write as _;

use headwater_broker::Published;
use headwater_events::Event;

/// `{"results":[{"id","cursor","duplicate"}]}`, in the order of the batch.
pub(super) fn json(events: &[Event], published: &[Published]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + events.len() * 128);
    out.extend_from_slice(br#"{"results":["#);
    for (i, (event, published)) in events.iter().zip(published).enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"id\":" } else { b",{\"id\":" });
        string(&mut out, event.id());
        // A cursor is base64url: nothing in it needs an escape. Writing into a vector cannot fail.
        let _ = write!(out, ",\"cursor\":\"{}\",\"duplicate\":{}}}", published.cursor, published.duplicate);
    }
    out.extend_from_slice(b"]}");
    out
}

/// A JSON string. Attributes have no control characters, so only quotes and backslashes are escaped.
fn string(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let mut rest = value;
    while let Some(at) = rest.find(['"', '\\']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        out.push(b'\\');
        out.push(rest.as_bytes()[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}
