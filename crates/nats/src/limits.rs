//! How large an event may be.

use crate::link::Link;

/// What the headers and the answer of a read add to an event at most.
const BESIDE: usize = 2048;
/// The least that makes sense.
const LEAST: usize = 1024;

impl Link {
    /// The largest event, in encoded bytes: as configured, unless the server takes less.
    pub(crate) fn max_event_bytes(&self) -> usize {
        let server = self.client.max_payload().saturating_sub(BESIDE).max(LEAST);
        self.options.max_event_bytes.min(server)
    }
}
