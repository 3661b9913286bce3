//! What the frames of a subscription mean.

use bytes::Bytes;
use headwater_broker::{Delivery, Error, Gap, Item};
use headwater_events::{Cursor, Event};
use headwater_store::{GapReason, Record};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::{problem::Problem, sse::Frame};

/// A frame with a meaning.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// An item for the caller.
    Item(Item),
    /// Only the cursor moved.
    Moved(Cursor),
    /// The server says why it stops.
    Failed(Error),
    /// Nothing.
    Nothing,
}

/// A gap as it is written.
#[derive(Debug, Deserialize)]
pub(crate) struct WireGap {
    from: String,
    to: String,
    reason: GapReason,
    stream: Option<headwater_events::StreamName>,
}

impl WireGap {
    /// The gap, if its cursors are some. On the wire it always names its stream; here only where the scope has
    /// several, as [`Gap::stream`] says.
    pub(crate) fn gap(self, single: bool) -> Option<Gap> {
        Some(Gap {
            from: self.from.parse().ok()?,
            to: self.to.parse().ok()?,
            reason: self.reason,
            stream: self.stream.filter(|_| !single),
        })
    }
}

/// Reads a frame of a scope that is a single stream, or several.
pub(crate) fn read(frame: Frame<'_>, single: bool) -> Result<Meaning, Error> {
    let cursor = match frame.id {
        b"" => None,
        id => Some(
            std::str::from_utf8(id)
                .ok()
                .and_then(|id| id.parse::<Cursor>().ok())
                .ok_or_else(|| odd(format!("`{}` is no cursor", String::from_utf8_lossy(id))))?,
        ),
    };
    let Some(data) = frame.data else {
        return Ok(cursor.map_or(Meaning::Nothing, Meaning::Moved));
    };
    if frame.event == b"headwater.error" {
        let problem: Problem = serde_json::from_slice(&data).unwrap_or_default();
        return Ok(Meaning::Failed(problem.into_error(StatusCode::INTERNAL_SERVER_ERROR)));
    }
    let cursor = cursor.ok_or_else(|| odd("a frame without a cursor".into()))?;
    Ok(Meaning::Item(match frame.event {
        b"headwater.gap" => Item::Gap(
            serde_json::from_slice::<WireGap>(&data)
                .ok()
                .and_then(|gap| gap.gap(single))
                .ok_or_else(|| odd("a gap cannot be read".into()))?,
        ),
        b"headwater.caught-up" => Item::CaughtUp(cursor),
        b"headwater.end" => Item::End(cursor),
        // What a later server adds, this client need not know.
        name if name.starts_with(b"headwater.") => return Ok(Meaning::Moved(cursor)),
        _ => Item::Event(delivery(data, cursor, frame.merged.unwrap_or(1))?),
    }))
}

fn delivery(json: Bytes, cursor: Cursor, merged: u32) -> Result<Delivery, Error> {
    let event = Event::from_stored(json).map_err(|e| odd(format!("an event cannot be read: {e}")))?;
    Ok(Delivery { record: record(event, &cursor), cursor, merged })
}

/// The record of an event that came over HTTP: class and mark follow from the catalogue, and the event's own time
/// stands for the time it was stored, which is not on the wire.
pub(crate) fn record(event: Event, cursor: &Cursor) -> Record {
    let (class, mark) = (event.class(), event.mark());
    let stored_at = event.time().unwrap_or(Timestamp::UNIX_EPOCH);
    Record::new(event, cursor.position(), stored_at, class, mark)
}

fn odd(detail: String) -> Error {
    Error::Remote { code: "bad-answer".into(), status: 200, detail }
}
