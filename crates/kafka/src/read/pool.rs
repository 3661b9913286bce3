//! The connections that read history.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use headwater_events::{Lane, Position};
use headwater_store::{Error, Record};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{KafkaOptions, body, config, context::Context, failure::explain, names::Names};

/// A few readers, each made when it is first needed. One that stopped inside a lane stays there, so that who reads
/// page by page goes on with what was fetched already.
#[derive(Debug)]
pub(crate) struct Pool {
    config: ClientConfig,
    context: Context,
    names: Names,
    idle: Arc<Mutex<Vec<Reader>>>,
    room: Arc<Semaphore>,
}

/// A consumer of one lane at a time.
pub(super) struct Reader {
    pub(super) consumer: StreamConsumer<Context>,
    /// Which lane, and the position up to which it has delivered.
    at: Option<(Lane, Position)>,
    /// A record that was fetched and not wanted yet; it stands behind `at`.
    pub(super) held: Option<Record>,
    /// Since when nobody has used it.
    idle: Instant,
}

/// A reader that is in use; it goes back when it is dropped.
pub(super) struct Taken {
    reader: Option<Reader>,
    idle: Arc<Mutex<Vec<Reader>>>,
    _room: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(options: &KafkaOptions, names: &Names, context: Context) -> Result<Self, Error> {
        Ok(Self {
            config: config::reader(options)?,
            context,
            names: names.clone(),
            idle: Arc::default(),
            room: Arc::new(Semaphore::new(options.readers.max(1))),
        })
    }

    /// A reader that stands in a lane behind `after`; waits while all are in use.
    pub(super) async fn take(&self, lane: Lane, after: Position) -> Result<Taken, Error> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| Error::Closed)?;
        let found = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let there = idle.iter().position(|reader| reader.at == Some((lane, after)));
            match there {
                Some(index) => Some(idle.remove(index)),
                // The one that has been idle for longest.
                None if idle.is_empty() => None,
                None => Some(idle.remove(0)),
            }
        };
        let mut reader = match found {
            Some(reader) => reader,
            None => self.open()?,
        };
        if reader.at != Some((lane, after)) {
            self.place(&mut reader, lane, after)?;
        }
        Ok(Taken { reader: Some(reader), idle: Arc::clone(&self.idle), _room: room })
    }

    fn open(&self) -> Result<Reader, Error> {
        let consumer = self
            .config
            .create_with_context(self.context.clone())
            .map_err(|error| explain(&self.names, "opening a reader", &error))?;
        Ok(Reader { consumer, at: None, held: None, idle: Instant::now() })
    }

    fn place(&self, reader: &mut Reader, lane: Lane, after: Position) -> Result<(), Error> {
        let failed = |error| explain(&self.names, "reading", &error);
        let mut list = TopicPartitionList::with_capacity(1);
        let offset = Offset::Offset(body::offset_behind(after));
        list.add_partition_offset(&self.names.topic, i32::from(lane.0), offset).map_err(failed)?;
        reader.consumer.assign(&list).map_err(failed)?;
        reader.at = Some((lane, after));
        reader.held = None;
        Ok(())
    }

    /// Has readers fetch nothing more that nobody came back to.
    pub(crate) fn rest(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for reader in idle.iter_mut().filter(|reader| reader.at.is_some() && reader.idle.elapsed() > KEPT) {
            reader.rest();
        }
    }
}

/// How long a place inside a lane is kept for whoever reads page by page.
const KEPT: Duration = Duration::from_secs(5);

impl Taken {
    pub(super) fn reader(&mut self) -> Option<&mut Reader> {
        self.reader.as_mut()
    }
}

impl Reader {
    /// It has delivered everything up to here.
    pub(super) fn passed(&mut self, position: Position) {
        if let Some((_, at)) = &mut self.at {
            *at = position;
        }
    }

    /// Its place is not known, or nobody will go on from there.
    pub(super) fn lost(&mut self) {
        self.at = None;
        self.held = None;
    }

    /// Fetches nothing more: at the end of a lane it would ask for more again and again.
    fn rest(&mut self) {
        self.lost();
        if let Err(error) = self.consumer.unassign() {
            tracing::debug!(%error, "a reader does not rest");
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(mut reader) = self.reader.take() {
            reader.idle = Instant::now();
            if reader.at.is_none() {
                reader.rest();
            }
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("at", &self.at).finish_non_exhaustive()
    }
}
