//! The answer to a publish, written by hand: it is the same every time.

use std::fmt::Write as _;

use headwater_broker::Published;
use headwater_events::{Event, event::push_json_string};

/// `{"results":[{"id","cursor","duplicate"}]}`, in the order of the batch.
pub(super) fn json(events: &[Event], published: &[Published]) -> String {
    let mut out = String::with_capacity(16 + events.len() * 128);
    out.push_str(r#"{"results":["#);
    for (i, (event, published)) in events.iter().zip(published).enumerate() {
        out.push_str(if i == 0 { "{\"id\":" } else { ",{\"id\":" });
        push_json_string(&mut out, event.id());
        // A cursor is base64url: nothing in it needs an escape. Writing into a string cannot fail.
        let _ = write!(out, ",\"cursor\":\"{}\",\"duplicate\":{}}}", published.cursor, published.duplicate);
    }
    out.push_str("]}");
    out
}
