//! rdkafka: an idempotent producer, a consumer of every partition.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use headwater_events::{DEFAULT_LANES, Event, lane_of};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{Consumer as _, StreamConsumer},
    producer::{FutureProducer, FutureRecord},
};

use crate::shared::{Found, Peer, Tail};

const TOPIC: &str = "bare";
const TIMEOUT: Duration = Duration::from_secs(10);

pub(in crate::shared) struct Client {
    config: ClientConfig,
    producer: FutureProducer,
}

impl Client {
    pub(in crate::shared) async fn connect(url: &str) -> Result<Self> {
        let servers = url.strip_prefix("kafka://").context("odd URL")?;
        let servers = servers.split('/').next().unwrap_or(servers);
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers).set("socket.nagle.disable", "true");
        let admin: AdminClient<_> = config.create()?;
        let topic = NewTopic::new(TOPIC, DEFAULT_LANES.into(), TopicReplication::Fixed(1));
        for made in admin.create_topics([&topic], &AdminOptions::new()).await? {
            made.map_err(|(_, code)| code)?;
        }
        let mut writing = config.clone();
        writing.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
        writing.set("queue.buffering.max.messages", "1000000");
        let producer = writing.create()?;
        Ok(Self { config, producer })
    }

    /// Consumes every partition, from its beginning or its present end.
    fn consume(&self, from_end: bool) -> Result<StreamConsumer> {
        let mut config = self.config.clone();
        config.set("group.id", "bare").set("enable.auto.commit", "false").set("fetch.wait.max.ms", "100");
        let consumer: StreamConsumer = config.create()?;
        let (mut all, give_up) = (TopicPartitionList::new(), Instant::now() + TIMEOUT);
        for partition in 0..i32::from(DEFAULT_LANES) {
            if !from_end {
                all.add_partition_offset(TOPIC, partition, Offset::Beginning)?;
                continue;
            }
            let end = loop {
                match consumer.fetch_watermarks(TOPIC, partition, TIMEOUT) {
                    Ok((_, end)) => break end,
                    // The topic is new: its partitions have no leader yet.
                    Err(error) if Instant::now() > give_up => return Err(error.into()),
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            };
            all.add_partition_offset(TOPIC, partition, Offset::Offset(end))?;
        }
        consumer.assign(&all)?;
        Ok(consumer)
    }
}

#[async_trait]
impl Peer for Client {
    async fn publish(&self, batch: &[Event]) -> Result<()> {
        let sent: Vec<_> = batch
            .iter()
            .map(|event| {
                let tenant = event.tenant().unwrap_or("default");
                let key = format!("{tenant}/{}", event.stream());
                let lane = lane_of(tenant, event.stream(), DEFAULT_LANES);
                let payload: &[u8] = event.json();
                let record = FutureRecord::to(TOPIC).key(&key).payload(payload).partition(lane.0.into());
                self.producer.send_result(record).map_err(|(error, _)| error)
            })
            .collect::<Result<_, _>>()?;
        for stored in try_join_all(sent).await? {
            stored.map_err(|(error, _)| error)?;
        }
        Ok(())
    }

    async fn read(&self, expected: usize) -> Result<usize> {
        let consumer = self.consume(false)?;
        let (mut count, mut bytes) = (0, 0);
        while count < expected {
            let message = consumer.recv().await?;
            bytes += message.payload().map_or(0, <[u8]>::len);
            count += 1;
        }
        anyhow::ensure!(bytes > 0, "nothing was read");
        Ok(count)
    }

    async fn tail(&self) -> Result<Box<dyn Tail>> {
        let consumer = self.consume(true)?;
        Ok(Box::new(Consumed(consumer)))
    }
}

struct Consumed(StreamConsumer);

#[async_trait]
impl Tail for Consumed {
    async fn next(&mut self, found: Found<'_>) -> Result<()> {
        let message = self.0.recv().await?;
        found(message.payload().unwrap_or_default());
        Ok(())
    }
}
