//! Where the partitions begin and end, as the server says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use headwater_events::{Lane, Position};
use headwater_store::Error;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
};
use tokio::sync::Mutex;

use crate::{context::Context, failure::explain, names::Names};

/// The last position of each lane, and of the state.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    lanes: Arc<[Position]>,
    state: Position,
}

impl Bounds {
    pub(crate) fn lane(&self, lane: Lane) -> Position {
        self.lanes.get(usize::from(lane.0)).copied().unwrap_or_default()
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = (Lane, Position)> {
        (0..).map(Lane).zip(self.lanes.iter().copied())
    }

    pub(crate) fn state(&self) -> Position {
        self.state
    }
}

/// Asks where the partitions end: one question for all of them and for everyone who asks meanwhile.
pub(crate) struct Ends {
    client: Arc<StreamConsumer<Context>>,
    names: Names,
    lanes: u16,
    timeout: Duration,
    /// How many questions were asked so far.
    asked: AtomicU64,
    /// The last answer, with the number of its question.
    last: Mutex<Option<(u64, Bounds)>>,
}

impl Ends {
    pub(crate) fn new(
        client: Arc<StreamConsumer<Context>>,
        names: Names,
        lanes: u16,
        timeout: Duration,
    ) -> Self {
        Self { client, names, lanes, timeout, asked: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// The ends as they were at some time after the call: everything that was answered before is within.
    pub(crate) async fn now(&self) -> Result<Bounds, Error> {
        let wanted = self.asked.load(Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        // A question that began while this call waited for its turn will do.
        if let Some((number, bounds)) = &*last
            && *number >= wanted
        {
            return Ok(bounds.clone());
        }
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let bounds = self.ask(Offset::End).await?;
        *last = Some((number, bounds.clone()));
        Ok(bounds)
    }

    /// The positions before the first that is kept.
    pub(crate) async fn begins(&self) -> Result<Bounds, Error> {
        self.ask(Offset::Beginning).await
    }

    async fn ask(&self, what: Offset) -> Result<Bounds, Error> {
        let mut list = TopicPartitionList::with_capacity(usize::from(self.lanes) + 1);
        let partitions = (0..i32::from(self.lanes)).map(|lane| (&self.names.topic, lane));
        for (topic, partition) in partitions.chain([(&self.names.state, 0)]) {
            list.add_partition_offset(topic, partition, what)
                .map_err(|error| explain(&self.names, "asking for the end", &error))?;
        }
        let (client, timeout) = (Arc::clone(&self.client), self.timeout);
        let answer = tokio::task::spawn_blocking(move || client.offsets_for_times(list, timeout));
        let answer = answer.await.map_err(Error::unavailable)?;
        let context = self.client.context();
        let list = answer.map_err(|error| {
            let error = explain(&self.names, "asking for the end", &error);
            context.health().away(&error.to_string());
            error
        })?;
        context.health().well(context.servers());
        self.read(&list)
    }

    fn read(&self, list: &TopicPartitionList) -> Result<Bounds, Error> {
        let end = |topic: &str, partition| {
            let found = list.find_partition(topic, partition);
            let found = found.ok_or_else(|| Error::unavailable("a partition was not answered for"))?;
            found.error().map_err(|error| explain(&self.names, "asking for the end", &error))?;
            match found.offset() {
                Offset::Offset(offset) => Ok(Position(u64::try_from(offset).unwrap_or(0))),
                // An empty partition.
                _ => Ok(Position::ZERO),
            }
        };
        let lanes = (0..i32::from(self.lanes)).map(|lane| end(&self.names.topic, lane));
        Ok(Bounds { lanes: lanes.collect::<Result<_, _>>()?, state: end(&self.names.state, 0)? })
    }
}
