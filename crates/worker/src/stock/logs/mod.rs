//! Events as lines of JSON, for people and for machines that collect logs.
//!
//! An event is acked once its line has been written: to where lines go at once, and, where there is an audit file, to
//! its disk. What cannot be written is not acked, and costs no attempt: it comes again when there is room.

mod files;
mod line;
mod writer;

use std::{fmt, io::Write, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use headwater_events::Event;

pub use files::{AuditFile, AuditOptions};
use writer::Writer;

use crate::{Context, Failure, Handler, Outcome};

/// Writes a line for each event, and the event itself to an audit file where there is one.
#[derive(Clone)]
pub struct Logs {
    lines: Arc<Writer>,
    audit: Option<Arc<Writer>>,
}

impl Logs {
    /// Lines go to `out`, such as the standard output: flushed before an event is acked.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self { lines: Arc::new(Writer::start("lines", writer::Stream(out))), audit: None }
    }

    /// Writes every event whole, one a line, to an audit file as well.
    #[must_use]
    pub fn audit(mut self, file: AuditFile) -> Self {
        self.audit = Some(Arc::new(Writer::start("audit", file)));
        self
    }
}

#[async_trait]
impl Handler for Logs {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        if let Some(audit) = &self.audit {
            write(audit, event.json().clone()).await?;
        }
        let line = line::of(event, context)?;
        write(&self.lines, line.into()).await
    }
}

/// Not the event's fault: it is handed back, and comes again.
async fn write(writer: &Writer, line: Bytes) -> Outcome {
    writer.write(line).await.map_err(|error| Failure::release(error.to_string()))
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").field("audit", &self.audit.is_some()).finish_non_exhaustive()
    }
}
