//! A file with one event a line.

use std::path::Path;

use async_trait::async_trait;
use headwater_broker::Item;

use super::{EventSink, SinkError, line_file::LineFile};

/// Appends each event to a file as one line of JSON. A gap is a line `{"headwater.gap": …}`. On a full disk it waits and
/// tries again; there is never half a line of it in the file.
#[derive(Debug)]
pub struct JsonLinesSink {
    file: LineFile,
    lines: Vec<u8>,
}

/// How much is collected before it is written, in bytes.
const CHUNK: usize = 64 * 1024;

impl JsonLinesSink {
    /// Opens the file, at its end where it exists.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, SinkError> {
        let file = LineFile::open(path).await;
        let file = file.map_err(|error| SinkError::Retry(format!("{}: {error}", path.display())))?;
        Ok(Self { file, lines: Vec::new() })
    }

    /// How long the file is with what is collected for it, in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.file.length() + self.lines.len() as u64
    }
}

#[async_trait]
impl EventSink for JsonLinesSink {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        // Before the item is taken: after an error it comes again.
        if self.lines.len() >= CHUNK {
            self.flush().await?;
        }
        line(&mut self.lines, item);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        if !self.lines.is_empty() {
            self.file.append(&self.lines).await?;
            self.lines.clear();
        }
        Ok(())
    }
}

/// An item as a line, where it is one.
pub(super) fn line(lines: &mut Vec<u8>, item: &Item) {
    match item {
        Item::Event(delivery) => lines.extend_from_slice(delivery.event().json()),
        Item::Gap(gap) => {
            let (from, to, reason) = (&gap.from, &gap.to, gap.reason);
            // Cursors and reasons hold nothing that JSON would escape.
            let text = format!(r#"{{"headwater.gap":{{"from":"{from}","to":"{to}","reason":"{reason}"}}}}"#);
            lines.extend_from_slice(text.as_bytes());
        }
        Item::CaughtUp(_) | Item::End(_) => return,
    }
    lines.push(b'\n');
}
