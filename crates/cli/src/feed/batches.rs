//! Entries put together to batches.

use std::{io, path::Path, time::Duration};

use bytes::Bytes;
use headwater::{Event, EventError, Tenant, dialect};

use super::{
    Fate, Outcome,
    reader::{Entry, Input},
};

/// How many encoded bytes a batch has at most, unless its first event alone has more.
const MAX_BYTES: u64 = 1024 * 1024;
/// How long a batch waits for its next event: what comes from a pipe by and by is sent at once.
const LINGER: Duration = Duration::from_millis(5);

/// What one request carries.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The events, each with its line.
    pub(crate) events: Vec<(u64, Event)>,
    /// Lines that are refused unsent, and why.
    pub(crate) broken: Vec<Outcome>,
    /// How many bytes were read for it.
    pub(crate) bytes: u64,
}

/// Batches as they are read, in order.
pub(crate) struct Batches {
    input: Input,
    max: usize,
    tenant: Option<Tenant>,
}

impl Batches {
    /// Reads a file, or stdin for `-`. Where a tenant is named, events that name none are that tenant's, and events
    /// that name another are refused.
    pub(crate) fn open(path: &Path, max: u16, tenant: Option<Tenant>) -> anyhow::Result<Self> {
        Ok(Self { input: Input::open(path)?, max: max.into(), tenant })
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
        batch.take(first, self.tenant.as_ref());
        while batch.events.len() + batch.broken.len() < self.max && batch.bytes < MAX_BYTES {
            match tokio::time::timeout(LINGER, self.input.next()).await {
                Ok(Ok(Some(entry))) => batch.take(entry, self.tenant.as_ref()),
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
    fn take(&mut self, entry: Entry, tenant: Option<&Tenant>) {
        self.bytes += entry.json.len() as u64 + 1;
        let line = entry.line;
        let (id, fate) = match read(entry.json.into()) {
            Ok(event) => match (event.tenant(), tenant) {
                (Some(own), Some(tenant)) if own != tenant.as_str() => {
                    let detail = format!("tenant: is `{own}`, and `--tenant` is `{tenant}`");
                    (Some(event.id().to_owned()), Fate::Refused { code: "foreign-tenant".into(), detail })
                }
                (None, Some(tenant)) if *tenant != Tenant::default() => {
                    match event.to_builder().tenant(tenant).build() {
                        Ok(event) => return self.events.push((line, event)),
                        Err(error) => (Some(event.id().to_owned()), Fate::from(&error)),
                    }
                }
                _ => return self.events.push((line, event)),
            },
            Err(error) => (None, Fate::from(&error)),
        };
        self.broken.push(Outcome { line, id, fate });
    }
}

/// Reads a CloudEvent, or the envelope of another system.
fn read(json: Bytes) -> Result<Event, EventError> {
    Event::from_json(json.clone()).or_else(|_| dialect::accept(json))
}
