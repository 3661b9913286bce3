//! Lines for people.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use async_trait::async_trait;
use headwater_broker::Item;
use headwater_events::{Data, Event};

use super::{EventSink, SinkError};

/// Writes a line for each event to standard output: time, subject, type, payload.
#[derive(Debug)]
pub struct StdoutSink {
    text: String,
}

/// How much is collected before it is written, in bytes.
const CHUNK: usize = 16 * 1024;
/// How much of a payload is shown, in bytes.
const SHOWN: usize = 400;

impl StdoutSink {
    /// A sink on this process's standard output.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new() }
    }
}

impl Default for StdoutSink {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl EventSink for StdoutSink {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        match item {
            Item::Event(delivery) => line(&mut self.text, delivery.event()),
            Item::Gap(gap) => {
                let _ = writeln!(self.text, "-- something is missing: {}", gap.reason);
            }
            Item::CaughtUp(_) | Item::End(_) => {}
        }
        if self.text.len() >= CHUNK { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        let text = std::mem::take(&mut self.text);
        // A pipe that nobody reads holds up this thread and no other.
        let written = tokio::task::spawn_blocking(move || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SinkError::Over(format!("standard output: {error}"))),
            Err(error) => Err(SinkError::Over(format!("standard output: {error}"))),
        }
    }
}

/// Attributes have no control characters and a payload is one line, so that an event is one line too.
fn line(text: &mut String, event: &Event) {
    let time = event.time_text().and_then(|time| time.split_once('T')).map_or("", |(_, time)| time);
    let subject = event.subject().unwrap_or_else(|| event.stream());
    let data = match event.data() {
        Data::None => "",
        Data::Json(json) => json.get(..json.floor_char_boundary(SHOWN)).unwrap_or(""),
        Data::Binary(_) => "(bytes)",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{time} {subject} {} {data}", event.ty());
}
