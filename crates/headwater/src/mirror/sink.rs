//! Writing into the target.

use async_trait::async_trait;
use headwater_broker::Published;
use headwater_events::{Cursor, Event, StreamName};

use super::{MirrorError, held::Held, mark::Mark, marks::Marks, reader::Reader};

/// Where a mirror writes, and keeps its marks.
#[async_trait]
pub(crate) trait Sink: Send + Sync + 'static {
    /// The mark of a stream; an empty one where there is none.
    async fn mark(&self, stream: &StreamName) -> Result<Mark, MirrorError>;

    /// What the target has of a stream behind a place, or everything.
    async fn held(&self, stream: &StreamName, behind: Option<&Cursor>) -> Result<Held, MirrorError>;

    /// Stores events of a stream in order, then the mark. With an error anything up to all of it may have happened.
    async fn put(&self, stream: &StreamName, events: &[Event], mark: Mark) -> Result<Put, MirrorError>;
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) struct Put {
    /// How many events are new.
    pub(crate) stored: u64,
    /// The mark as it is kept now.
    pub(crate) mark: Mark,
    /// The target has another numbering than when the mark was made: the mark was not kept.
    pub(crate) reset: bool,
}

/// A broker as a target.
pub(crate) struct BrokerSink {
    pub(crate) reader: Reader,
    pub(crate) marks: Marks,
}

#[async_trait]
impl Sink for BrokerSink {
    async fn mark(&self, stream: &StreamName) -> Result<Mark, MirrorError> {
        self.marks.load(stream).await
    }

    async fn held(&self, stream: &StreamName, behind: Option<&Cursor>) -> Result<Held, MirrorError> {
        Held::read(&self.reader, stream, behind).await.map_err(MirrorError::Target)
    }

    async fn put(&self, stream: &StreamName, events: &[Event], mut mark: Mark) -> Result<Put, MirrorError> {
        let published = match events {
            [] => Vec::new(),
            events => self.reader.end.broker.publish(events).await.map_err(MirrorError::Target)?,
        };
        let stored = published.iter().filter(|published| !published.duplicate).count() as u64;
        let reach = published.into_iter().map(|Published { cursor, .. }| cursor).max_by_key(Cursor::position);
        let reset = match (&mark.to, &reach) {
            (Some(before), Some(now)) => before.epoch() != now.epoch(),
            _ => false,
        };
        if !reset {
            mark.to = [mark.to, reach].into_iter().flatten().max_by_key(Cursor::position);
            self.marks.save(stream, &mut mark).await?;
        }
        Ok(Put { stored, mark, reset })
    }
}
