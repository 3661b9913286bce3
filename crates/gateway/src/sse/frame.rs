//! Frames: what one item looks like on the wire.
//!
//! Writing into a vector cannot fail, so what `write!` gives is passed over.
//!
//! Line ends are LF. An `id:` is a cursor, which is base64url; `event:` and `data:` come from checked attributes and
//! one-line JSON. Nothing a publisher writes can therefore end a line and begin another.

use std::{borrow::Cow, io::Write as _};

use bytes::Bytes;
use headwater_broker::{Delivery, Item};
use headwater_events::{Cursor, Scope};
use headwater_store::Record;

use crate::{page::gap_json, problem::Problem};

/// How the frames of one reader look.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// Whether events have an `event:` line.
    pub(crate) named: bool,
    /// What is read.
    pub(crate) scope: Scope,
}

impl Style {
    /// The frame of an event that looks the same to every reader of its stream: named and unmerged, in the scope of
    /// that one stream. It is made once and kept with the record. `None` where it does not.
    ///
    /// For live events only: history is read by one reader at a time, and its records would keep the frames.
    pub(crate) fn shared(&self, item: &Item) -> Option<Bytes> {
        match item {
            Item::Event(delivery)
                if self.named && delivery.merged <= 1 && matches!(self.scope, Scope::Stream(..)) =>
            {
                Some(delivery.record.frame(|record| {
                    let mut out = Vec::with_capacity(record.event().json().len() + 160);
                    event(&mut out, record, &delivery.cursor, true, 1);
                    Bytes::from(out)
                }))
            }
            _ => None,
        }
    }

    /// Appends the frame of one item.
    pub(crate) fn append(&self, out: &mut Vec<u8>, item: &Item) {
        match item {
            Item::Event(Delivery { record, cursor, merged }) => {
                event(out, record, cursor, self.named, *merged);
            }
            Item::Gap(gap) => {
                reserved(out, "gap", &item.cursor(), gap_json(gap, &self.scope).to_string().as_bytes());
            }
            Item::CaughtUp(cursor) => reserved(out, "caught-up", cursor, &place(cursor)),
            Item::End(cursor) => reserved(out, "end", cursor, &place(cursor)),
        }
    }
}

/// The first block: a comment so that the head goes out at once, `retry:`, and a place to come back to.
pub(crate) fn opening(cursor: Option<&Cursor>, retry_ms: u64) -> Bytes {
    let mut out = format!(": headwater\nretry: {retry_ms}\n");
    if let Some(cursor) = cursor {
        out.push_str(&format!("id: {cursor}\n"));
    }
    out.push('\n');
    Bytes::from(out)
}

/// A comment and a fresh cursor, without data: a reader's handlers see nothing of it.
pub(crate) fn heartbeat(cursor: &Cursor) -> Bytes {
    Bytes::from(format!(":\nid: {cursor}\n\n"))
}

/// How long to wait before coming back, and where to.
pub(crate) fn farewell(cursor: &Cursor, retry_ms: u64) -> Bytes {
    Bytes::from(format!("retry: {retry_ms}\nid: {cursor}\n\n"))
}

/// Why the response ends here.
pub(crate) fn error(problem: &Problem, cursor: Option<&Cursor>) -> Bytes {
    let mut out = b"event: headwater.error\n".to_vec();
    if let Some(cursor) = cursor {
        let _ = writeln!(out, "id: {cursor}");
    }
    data(&mut out, &problem.to_json());
    Bytes::from(out)
}

fn place(cursor: &Cursor) -> Vec<u8> {
    format!("{{\"cursor\":\"{cursor}\"}}").into_bytes()
}

fn reserved(out: &mut Vec<u8>, name: &str, cursor: &Cursor, json: &[u8]) {
    let _ = writeln!(out, "id: {cursor}\nevent: headwater.{name}");
    data(out, json);
}

fn event(out: &mut Vec<u8>, record: &Record, cursor: &Cursor, named: bool, merged: u32) {
    let event = record.event();
    let _ = writeln!(out, "id: {cursor}");
    if named {
        let _ = writeln!(out, "event: {}", name(event.ty()));
    }
    if merged > 1 {
        // A field of our own: `EventSource` passes over it.
        let _ = writeln!(out, "merged: {merged}");
    }
    data(out, event.json());
}

/// `data:` on one line, and the end of the block.
fn data(out: &mut Vec<u8>, json: &[u8]) {
    out.extend_from_slice(b"data: ");
    if json.contains(&b'\n') || json.contains(&b'\r') {
        // Encoded events have none. In JSON a line end can only stand between tokens, where a space means the same.
        out.extend(json.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
    } else {
        out.extend_from_slice(json);
    }
    out.extend_from_slice(b"\n\n");
}

/// The name of a frame: the type without its version. `error` belongs to `EventSource`, and `headwater.` to us.
fn name(ty: &str) -> Cow<'_, str> {
    let bare = match ty.rsplit_once('.') {
        Some((rest, last)) if is_version(last) && !rest.is_empty() => rest,
        _ => ty,
    };
    if bare == "error" || bare == "headwater" || bare.starts_with("headwater.") {
        Cow::Owned(format!("stream.{bare}"))
    } else {
        Cow::Borrowed(bare)
    }
}

fn is_version(token: &str) -> bool {
    token.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_version_and_cannot_be_ours() {
        for (ty, expected) in [
            ("workflow.started.v1", "workflow.started"),
            ("workflow.started", "workflow.started"),
            ("v1", "v1"),
            ("a.v", "a.v"),
            ("a.v1x", "a.v1x"),
            ("error", "stream.error"),
            ("error.v2", "stream.error"),
            ("llm.error.v1", "llm.error"),
            ("headwater.gap.v1", "stream.headwater.gap"),
            ("headwater.end", "stream.headwater.end"),
        ] {
            assert_eq!(name(ty), expected);
        }
    }

    #[test]
    fn a_reader_that_stops_at_a_gap_of_one_stream_misses_nothing_of_the_others() {
        use headwater_broker::Gap;
        use headwater_events::{Epoch, Position, StreamName, Tenant};
        use headwater_store::GapReason;

        let scope = Scope::Tenant(Tenant::default());
        let at = |position| Cursor::new(scope.print(), Epoch(7), Position(position));
        let stream = Some(StreamName::new("wf-1").expect("a name"));
        let gap = Item::Gap(Gap { from: at(3), to: at(9), reason: GapReason::Deleted, stream });
        let mut out = Vec::new();
        Style { named: true, scope: scope.clone() }.append(&mut out, &gap);
        let first = format!("id: {}\n", at(3));
        assert!(out.starts_with(first.as_bytes()), "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn data_stays_on_one_line() {
        let mut out = Vec::new();
        data(&mut out, b"{\"a\":\r\n1}");
        assert_eq!(out, b"data: {\"a\":  1}\n\n");
    }
}
