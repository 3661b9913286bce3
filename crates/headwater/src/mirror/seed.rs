//! Plain Redis streams as a target.

use std::sync::Arc;

use async_trait::async_trait;
use headwater_broker::Error;
use headwater_events::{Cursor, Event, StreamName};
use headwater_redis::PlainStreams;
use headwater_store::Error as StoreError;

use super::{
    MirrorError, MirrorOptions,
    held::Held,
    mark::Mark,
    marks::prefix,
    sink::{Put, Sink},
};

/// Writes events and marks in one step, so that nothing ever needs to be looked for.
pub(crate) struct SeedSink {
    streams: Arc<PlainStreams>,
    prefix: String,
}

impl SeedSink {
    pub(crate) fn new(streams: Arc<PlainStreams>, options: &MirrorOptions) -> Result<Self, MirrorError> {
        if options.restart || options.state_file.is_some() {
            let what = "plain streams keep their marks themselves and cannot be compared: to write everything again, \
                        give the mirror another name";
            return Err(MirrorError::Options(what.to_owned()));
        }
        Ok(Self { streams, prefix: prefix(&options.name, &options.tenant) })
    }
}

#[async_trait]
impl Sink for SeedSink {
    async fn mark(&self, stream: &StreamName) -> Result<Mark, MirrorError> {
        let found = self.streams.mark(&format!("{}{stream}", self.prefix)).await;
        let found = found.map_err(|error| MirrorError::Target(error.into()))?;
        Ok(found.map_or_else(Mark::default, |(version, bytes)| Mark::decode(&bytes, Some(version))))
    }

    async fn held(&self, _: &StreamName, _: Option<&Cursor>) -> Result<Held, MirrorError> {
        Ok(Held::default())
    }

    async fn put(&self, stream: &StreamName, events: &[Event], mut mark: Mark) -> Result<Put, MirrorError> {
        let stored = events.len() as u64;
        let Some(bytes) = mark.encode() else { return Ok(Put { stored: 0, mark, reset: false }) };
        let name = format!("{}{stream}", self.prefix);
        match self.streams.write(events, &name, mark.version, &bytes).await {
            Ok(version) => {
                mark.version = Some(version);
                Ok(Put { stored, mark, reset: false })
            }
            Err(StoreError::Conflict { .. }) => Err(MirrorError::TwoMirrors { stream: stream.clone() }),
            Err(error) => Err(MirrorError::Target(Error::Store(error))),
        }
    }
}
