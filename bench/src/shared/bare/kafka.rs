//! rdkafka: an idempotent producer, a consumer of every partition.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use headwater_events::{DEFAULT_LANES, Event, lane_of};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{Consumer as _, StreamConsumer},
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};

use crate::shared::{Peer, Tail};

const TOPIC: &str = "bare";

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

    fn consume(&self, from: Offset) -> Result<StreamConsumer> {
        let mut config = self.config.clone();
        config.set("group.id", "bare").set("enable.auto.commit", "false").set("fetch.wait.max.ms", "100");
        let consumer: StreamConsumer = config.create()?;
        let mut all = TopicPartitionList::new();
        for partition in 0..DEFAULT_LANES {
            all.add_partition_offset(TOPIC, partition.into(), from)?;
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
        let consumer = self.consume(Offset::Beginning)?;
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
        let consumer = self.consume(Offset::End)?;
        // An offset of the end is looked up when the first fetch is made.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let ends = self.producer.client().fetch_metadata(Some(TOPIC), Timeout::After(Duration::from_secs(10)))?;
        anyhow::ensure!(!ends.topics().is_empty(), "there is no topic");
        Ok(Box::new(Consumed(consumer)))
    }
}

struct Consumed(StreamConsumer);

#[async_trait]
impl Tail for Consumed {
    async fn next(&mut self, found: &mut (dyn FnMut(&[u8]) + Send)) -> Result<()> {
        let message = self.0.recv().await?;
        found(message.payload().unwrap_or_default());
        Ok(())
    }
}
