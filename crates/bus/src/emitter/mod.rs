//! Emitting: admission to a bounded queue, and publishing what is in it, in order.

mod batch;
mod error;
mod options;
mod publisher;
mod queue;
mod queued;
mod sequence;
mod spool;
mod status;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use headwater_broker::Published;
use headwater_events::Event;

pub use error::EmitterError;
pub use options::{EmitterOptions, SpoolOptions, WhenFull};
pub(crate) use publisher::Progress;
pub use queued::Emitter;
pub use status::{EmitterStatus, StoreState};

/// Where code hands over events. Object safe: an [`EmitterHandle`] is what nodes and steps hold.
///
/// # Order
/// Events are stored in the order in which they were admitted, through failures too.
///
/// # Durability
/// `emit` and `emit_async` answer once the event is admitted; it is stored soon after, and a process that is killed
/// meanwhile loses it. `publish` answers once the log has stored it.
///
/// # Cancelling
/// Dropping the future of `emit_async` before it is ready: the event is not admitted. Dropping that of `publish`: the
/// event is stored or not. Dropping that of `flush` has no effect.
#[async_trait]
pub trait EventEmitter: fmt::Debug + Send + Sync + 'static {
    /// Admits an event or says why not. It never waits; having no subscriber is no error.
    ///
    /// With [`WhenFull::DropNewest`] an event that is left out is no error either: the stream tells.
    ///
    /// # Errors
    /// [`EmitterError::Backpressure`] where there is no room, [`EmitterError::Closed`].
    fn emit(&self, event: Event) -> Result<(), EmitterError>;

    /// As [`EventEmitter::emit`], but waits for room as long as [`WhenFull::Block`] says.
    ///
    /// # Errors
    /// As [`EventEmitter::emit`].
    async fn emit_async(&self, event: Event) -> Result<(), EmitterError>;

    /// Waits for room, and until the log has stored the event, behind everything that was admitted before.
    ///
    /// # Errors
    /// [`EmitterError::Refused`] where the broker refused it for good.
    async fn publish(&self, event: Event) -> Result<Published, EmitterError>;

    /// Waits until everything that was admitted before is stored (or was refused).
    ///
    /// # Errors
    /// [`EmitterError::Closed`] where the emitter ended before.
    async fn flush(&self) -> Result<(), EmitterError>;

    /// Says that an event was left out on this side of the queue: it is counted, and the stream tells how many.
    fn left_out(&self, event: &Event, reason: &str);
}

/// A shared emitter.
pub type EmitterHandle = Arc<dyn EventEmitter>;
