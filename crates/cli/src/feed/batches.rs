//! Entries put together to batches.

use std::{io, path::Path, time::Duration};

use bytes::Bytes;
use headwater::{Event, EventError, dialect};

use super::reader::{Entry, Input};

/// How many encoded bytes a batch has at most, unless its first event alone has more.
const MAX_BYTES: u64 = 1024 * 1024;
/// How long a batch waits for its next event: what comes from a pipe by and by is sent at once.
const LINGER: Duration = Duration::from_millis(5);

/// What one request carries.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The events, each with its line.
    pub(crate) events: Vec<(u64, Event)>,
    /// Lines that are no events, and why.
    pub(crate) broken: Vec<(u64, EventError)>,
    /// How many bytes were read for it.
    pub(crate) bytes: u64,
}

/// Batches as they are read, in order.
pub(crate) struct Batches {
    input: Input,
    max: usize,
}

impl Batches {
    /// Reads a file, or stdin for `-`.
    pub(crate) fn open(path: &Path, max: u16) -> anyhow::Result<Self> {
        Ok(Self { input: Input::open(path)?, max: max.into() })
    }

    /// How many bytes there are, where that is known.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.input.bytes
    }

    /// Waits for the next batch; `None` at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Batch>> {
        let Some(first) = self.input.next().await? else {
            return Ok(None);
        };
        let mut batch = Batch::default();
        batch.take(first);
        while batch.events.len() + batch.broken.len() < self.max && batch.bytes < MAX_BYTES {
            match tokio::time::timeout(LINGER, self.input.next()).await {
                Ok(Ok(Some(entry))) => batch.take(entry),
                // What was read before the failure is sent first; the next call meets the failure again.
                Ok(Err(error)) => {
                    self.input.fail(error);
                    break;
                }
                Ok(Ok(None)) | Err(_) => break,
            }
        }
        Ok(Some(batch))
    }
}

impl Batch {
    fn take(&mut self, entry: Entry) {
        self.bytes += entry.json.len() as u64 + 1;
        match read(entry.json.into()) {
            Ok(event) => self.events.push((entry.line, event)),
            Err(error) => self.broken.push((entry.line, error)),
        }
    }
}

/// Reads a CloudEvent, or the envelope of another system.
fn read(json: Bytes) -> Result<Event, EventError> {
    Event::from_json(json.clone()).or_else(|_| dialect::accept(json))
}
