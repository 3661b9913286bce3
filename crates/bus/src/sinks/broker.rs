//! Another broker.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use headwater_broker::{Error, EventPublisher, Item};
use headwater_events::Event;

use super::{EventSink, SinkError};

/// Publishes every event to another broker, as it is: with its id, so that an event which comes twice is one there
/// within the dedup window.
pub struct BrokerSink {
    to: Arc<dyn EventPublisher>,
    batch: Vec<Event>,
}

/// How many events are published at once.
const BATCH: usize = 256;

impl BrokerSink {
    /// A sink that publishes there.
    #[must_use]
    pub fn new(to: Arc<dyn EventPublisher>) -> Self {
        Self { to, batch: Vec::new() }
    }
}

#[async_trait]
impl EventSink for BrokerSink {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        let flushed = if self.batch.len() >= BATCH { self.flush().await } else { Ok(()) };
        // What was refused is another event: this one is taken all the same.
        let taken = matches!(flushed, Ok(()) | Err(SinkError::Refused(_)));
        if let (Item::Event(delivery), true) = (item, taken) {
            self.batch.push(delivery.event().clone());
        }
        flushed
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        let mut refused = None;
        while !self.batch.is_empty() {
            match self.to.publish(&self.batch).await {
                Ok(_) => self.batch.clear(),
                Err(Error::InvalidEvent { index, error }) if index < self.batch.len() => {
                    let event = self.batch.remove(index);
                    refused = Some(SinkError::Refused(format!("`{}`: {error}", event.id())));
                }
                Err(error @ Error::Store(headwater_store::Error::Closed)) => {
                    return Err(SinkError::Over(error.to_string()));
                }
                Err(error) => return Err(SinkError::Retry(error.to_string())),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for BrokerSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerSink").field("waiting", &self.batch.len()).finish_non_exhaustive()
    }
}
