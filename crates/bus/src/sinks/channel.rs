//! A channel of the program.

use async_trait::async_trait;
use headwater_broker::Item;
use tokio::sync::mpsc;

use super::{EventSink, SinkError};

/// Passes items on to a channel. It waits for room in it; what has no room yet is in the log, not here.
#[derive(Debug)]
pub struct ChannelSink(mpsc::Sender<Item>);

impl ChannelSink {
    /// A sink that sends there.
    #[must_use]
    pub const fn new(sender: mpsc::Sender<Item>) -> Self {
        Self(sender)
    }
}

#[async_trait]
impl EventSink for ChannelSink {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        self.0.send(item.clone()).await.map_err(|_| SinkError::Over("the receiver is gone".to_owned()))
    }
}
