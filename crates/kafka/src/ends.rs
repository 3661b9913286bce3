//! Where the partitions begin and end, as the server says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use headwater_events::{Lane, Position};
use headwater_store::Error;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode,
};
use tokio::sync::Mutex;

use crate::{
    context::Context,
    failure::{self, explain},
    lasting::Lasting,
    names::Names,
};

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
///
/// On a connection of its own: behind the follower's fetch, which waits for new records, it would wait too.
pub(crate) struct Ends {
    client: Arc<Lasting<BaseConsumer<Context>>>,
    names: Names,
    lanes: u16,
    timeout: Duration,
    /// How many questions were asked so far.
    asked: AtomicU64,
    /// The last answer, with the number of its question.
    last: Mutex<Option<(u64, Bounds)>>,
}

/// How long a question that has no answer yet waits.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a topic may be unknown: new ones are for a moment.
const MISSING: Duration = Duration::from_secs(2);
/// How many reports are taken from a client that was asked: there is one every few seconds.
const REPORTS: usize = 4;

impl Ends {
    pub(crate) fn new(
        client: Arc<Lasting<BaseConsumer<Context>>>,
        names: Names,
        lanes: u16,
        timeout: Duration,
    ) -> Self {
        Self { client, names, lanes, timeout, asked: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// The ends as they were at some time after the call: everything that was answered before is within.
    pub(crate) async fn now(&self) -> Result<Bounds, Error> {
        let wanted = self.asked.load(Ordering::SeqCst) + 1;
        // Who asks at the same time, such as the reads of all lanes, gets the same answer.
        tokio::task::yield_now().await;
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

    /// Asks until there is an answer, as partitions have no leader for a moment when they are new or move.
    async fn ask(&self, what: Offset) -> Result<Bounds, Error> {
        let start = Instant::now();
        loop {
            let error = match self.ask_once(what).await {
                Ok(bounds) => return Ok(bounds),
                Err(error) => error,
            };
            let patience = match &error {
                error if is_moving(error) => self.timeout,
                error if failure::is_missing(error) => MISSING.min(self.timeout),
                _ => Duration::ZERO,
            };
            if start.elapsed() >= patience {
                let error = explain(&self.names, "asking for the end", &error);
                self.client.context().health().away(&error.to_string());
                return Err(error);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn ask_once(&self, what: Offset) -> KafkaResult<Bounds> {
        let mut list = TopicPartitionList::with_capacity(usize::from(self.lanes) + 1);
        let partitions = (0..i32::from(self.lanes)).map(|lane| (&self.names.topic, lane));
        for (topic, partition) in partitions.chain([(&self.names.state, 0)]) {
            list.add_partition_offset(topic, partition, what)?;
        }
        self.client.mend()?;
        let (client, timeout) = (self.client.get(), self.timeout);
        let answer = tokio::task::spawn_blocking(move || {
            let list = client.offsets_for_times(list, timeout);
            serve(&client);
            list
        });
        let list = answer.await.map_err(|_| KafkaError::Canceled)??;
        let bounds = self.read(&list)?;
        let context = self.client.context();
        context.health().well(context.servers());
        Ok(bounds)
    }

    fn read(&self, list: &TopicPartitionList) -> KafkaResult<Bounds> {
        let end = |topic: &str, partition| {
            let found = list.find_partition(topic, partition).ok_or(KafkaError::NoMessageReceived)?;
            found.error()?;
            match found.offset() {
                Offset::Offset(offset) => Ok(Position(u64::try_from(offset).unwrap_or(0))),
                // An empty partition.
                _ => Ok(Position::ZERO),
            }
        };
        let lanes = (0..i32::from(self.lanes)).map(|lane| end(&self.names.topic, lane));
        Ok(Bounds { lanes: lanes.collect::<KafkaResult<_>>()?, state: end(&self.names.state, 0)? })
    }
}

/// Serves the callbacks of a client that is asked only.
pub(crate) fn serve(client: &BaseConsumer<Context>) {
    for _ in 0..REPORTS {
        drop(client.poll(Duration::ZERO));
    }
}

/// Whether the server will know in a moment.
fn is_moving(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::KafkaStorageError
                | Code::ReplicaNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
        )
    )
}
