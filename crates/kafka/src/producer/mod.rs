//! The one way into the log: an idempotent producer that never lets a later record pass an earlier one.
//!
//! librdkafka keeps the order of a partition over lost connections and repeats nothing. It would break it in one case:
//! a record that waited too long is given up while a later one is still sent. So it is told to wait for ever, and when
//! the oldest batch has waited as long as an append may, everything that waits is given up together. Should librdkafka
//! not even give it back, it is answered here, and another client takes the place of the one that does not answer: an
//! append is answered in any case.
//!
//! Transactions would make a batch atomic over its lanes, and cost more than that is worth: one transaction at a time
//! for a producer, two more round trips for each, markers that take positions, and readers that must wait for the end
//! of the oldest one. A batch of one run is in one lane anyway.

mod batch;
mod delivery;
mod waiting;

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use headwater_store::Error;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, KafkaResult},
    message::OwnedHeaders,
    producer::{BaseRecord, Producer as _, PurgeConfig, ThreadedProducer},
    types::RDKafkaErrorCode,
};
use tokio::sync::Semaphore;

pub(crate) use self::batch::{Batch, Outcome};
use self::{
    delivery::{Deliveries, Delivery},
    waiting::Waiting,
};
use crate::{KafkaOptions, config, context::Context, failure::explain, names::Names};

/// A record on its way.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) key: &'a [u8],
    /// `None` is a tombstone.
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Option<OwnedHeaders>,
}

/// The producer of a store.
pub(crate) struct Producer {
    client: RwLock<Client>,
    config: ClientConfig,
    deliveries: Deliveries,
    names: Names,
    room: Arc<Semaphore>,
    room_kib: u32,
    /// Whether nothing more is taken from callers; held while theirs is handed over.
    closed: tokio::sync::RwLock<bool>,
}

/// The client that writes at present, and what is heard of it.
struct Client {
    producer: ThreadedProducer<Deliveries>,
    context: Context,
}

/// What a record costs beside its bytes.
const RECORD_BYTES: usize = 256;
/// How long librdkafka may take to give back what is given up.
const GRACE: Duration = Duration::from_secs(5);
/// How often a full queue is tried again. It is larger than what there is room for, so that it is hardly ever full.
const QUEUE_FULL: Duration = Duration::from_millis(2);

impl Producer {
    pub(crate) fn new(options: &KafkaOptions, names: &Names, context: Context) -> Result<Self, Error> {
        let config = config::producer(options)?;
        let broken = Arc::new(AtomicBool::new(false));
        let deliveries = Deliveries { context, waiting: Arc::new(Waiting::new()), broken };
        let client =
            open(&config, &deliveries).map_err(|error| explain(names, "opening the producer", &error))?;
        let room_kib = kib(options.append_bytes).max(1);
        Ok(Self {
            client: RwLock::new(client),
            config,
            deliveries,
            names: names.clone(),
            room: Arc::new(Semaphore::new(room_kib as usize)),
            room_kib,
            closed: tokio::sync::RwLock::new(false),
        })
    }

    /// Sends a caller's records in the order given; the answers come with the batch. They are on their way when this
    /// returns.
    ///
    /// Waits only for room, and loses nothing when it is dropped while it waits.
    pub(crate) async fn send(&self, records: Vec<Outgoing<'_>>) -> Result<Arc<Batch>, Error> {
        let closed = self.closed.read().await;
        if *closed {
            return Err(Error::Closed);
        }
        self.send_own(records).await
    }

    /// The same for records of the store's own, which it sends while it closes too.
    pub(crate) async fn send_own(&self, records: Vec<Outgoing<'_>>) -> Result<Arc<Batch>, Error> {
        let bytes: usize = records
            .iter()
            .map(|record| record.key.len() + record.value.map_or(0, <[u8]>::len) + RECORD_BYTES)
            .sum();
        let room = kib(bytes).clamp(1, self.room_kib);
        let room = Arc::clone(&self.room).acquire_many_owned(room).await.map_err(|_| Error::Closed)?;
        self.replace_broken();
        let count = records.len();
        let batch = self.deliveries.waiting.begin(count, room);
        for (index, record) in records.into_iter().enumerate() {
            let delivery = Box::new(Delivery { batch: Arc::clone(&batch), index });
            if let Err(code) = self.enqueue(record, delivery).await {
                // Nothing behind it may pass it.
                for index in index..count {
                    let delivery = Delivery { batch: Arc::clone(&batch), index };
                    self.deliveries.note(&delivery, Outcome::Refused(code));
                }
                break;
            }
        }
        Ok(batch)
    }

    async fn enqueue(&self, record: Outgoing<'_>, delivery: Box<Delivery>) -> Result<(), RDKafkaErrorCode> {
        let mut next =
            BaseRecord::with_opaque_to(record.topic, delivery).partition(record.partition).key(record.key);
        next.payload = record.value;
        next.headers = record.headers;
        loop {
            let sent = self.client.read().unwrap_or_else(PoisonError::into_inner).producer.send(next);
            match sent {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    next = back;
                    tokio::time::sleep(QUEUE_FULL).await;
                }
                Err((error, _)) => return Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
            }
        }
    }

    /// Gives up everything that waits if the oldest has waited longer than `limit`. What is not given back then is
    /// answered after [`GRACE`] more.
    pub(crate) fn give_up(&self, limit: Duration) {
        if self.client.read().unwrap_or_else(PoisonError::into_inner).context.is_lost() {
            tracing::warn!("the producer had lost all servers: another one takes its place");
            // What waits there goes nowhere any more. It is given back as the old one ends.
            self.deliveries.broken.store(true, Ordering::Relaxed);
            self.replace_broken();
        }
        let Some(waited) = self.deliveries.waiting.oldest().filter(|waited| *waited > limit) else { return };
        tracing::warn!(servers = self.names.servers, "kafka does not answer: appends that wait are given up");
        let producer = self.client.read().unwrap_or_else(PoisonError::into_inner).producer.clone();
        producer.purge(PurgeConfig::default().queue().inflight().non_blocking());
        if waited > limit + GRACE {
            tracing::warn!(
                "the producer does not give back what it was told to: another one takes its place"
            );
            // Before the answers: who sends again then does so by another one.
            self.deliveries.broken.store(true, Ordering::Relaxed);
            for batch in self.deliveries.waiting.take() {
                batch.abandon(Outcome::Unknown(RDKafkaErrorCode::PurgeInflight));
            }
        }
    }

    /// How long the oldest that is on its way has waited.
    pub(crate) fn waited(&self) -> Option<Duration> {
        self.deliveries.waiting.oldest()
    }

    /// Takes nothing more from callers, and waits until the server has answered everything.
    pub(crate) async fn close(&self) {
        *self.closed.write().await = true;
        self.deliveries.waiting.idle().await;
    }

    fn replace_broken(&self) {
        if !self.deliveries.broken.swap(false, Ordering::Relaxed) {
            return;
        }
        match open(&self.config, &self.deliveries) {
            Ok(new) => {
                let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
                let old = std::mem::replace(&mut *client, new);
                drop(client);
                // Its end waits for its threads.
                tokio::task::spawn_blocking(move || drop(old));
            }
            Err(error) => {
                tracing::error!(%error, "no new producer");
                self.deliveries.broken.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn open(config: &ClientConfig, deliveries: &Deliveries) -> KafkaResult<Client> {
    let context = deliveries.context.of_another();
    let deliveries = Deliveries { context: context.clone(), ..deliveries.clone() };
    Ok(Client { producer: config.create_with_context(deliveries)?, context })
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("names", &self.names).finish_non_exhaustive()
    }
}
