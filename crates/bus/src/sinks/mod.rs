//! Where events go that a program does not read itself.
//!
//! Each sink has a worker that reads the log for it and waits for it: a slow sink lags behind, and a failing one is tried
//! again, while nobody else notices. There is no second buffer: what a sink has not taken is in the log.

mod broker;
mod channel;
mod config;
mod drive;
mod health;
mod json_lines;
mod line_file;
mod memory;
mod rotating;
mod stdout;
mod worker;

use async_trait::async_trait;
use headwater_broker::Item;

pub use broker::BrokerSink;
pub use channel::ChannelSink;
pub use config::SinkConfig;
pub use drive::SinkTask;
pub(crate) use health::Health;
pub use health::{SinkHealth, SinkState};
pub use json_lines::JsonLinesSink;
pub use memory::MemorySink;
pub use rotating::{RotateOptions, RotatingFileSink};
pub use stdout::StdoutSink;
pub(crate) use worker::{Goal, Resume, SinkWorker};

/// Takes events, one after the other, in the order of the log.
///
/// A worker calls `handle` for each item and `flush` when nothing more waits. After [`SinkError::Retry`] it calls again
/// with the same item: a sink must not have taken it then.
#[async_trait]
pub trait EventSink: Send + 'static {
    /// Takes one item: an event, or a gap where something is missing.
    ///
    /// # Errors
    /// What the worker is to do about it.
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError>;

    /// Everything that was taken is passed on when this returns.
    ///
    /// # Errors
    /// [`SinkError::Retry`]: it is called again.
    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Why a sink did not take an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Try again later with the same item: a full disk, a server that is away.
    #[error("{0}")]
    Retry(String),
    /// This item cannot be taken: count it and go on.
    #[error("{0}")]
    Refused(String),
    /// The sink is over: nobody is there to take anything.
    #[error("{0}")]
    Over(String),
}
