//! Our broker over a store.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use headwater_broker::{
    Broker, BrokerConfig, EventPublisher as _, EventStream, EventSubscriber as _, Item, Start, Subscription,
};
use headwater_events::{Event, Filter, Scope, Tenant};
use headwater_store::Store;

use super::{Found, Kind, Peer, Tail, Who};

const PAGE: usize = 1000;

pub(super) struct Ours(Broker);

impl Ours {
    pub(super) async fn connect(kind: Kind, url: &str, who: Who) -> Result<Self> {
        Ok(Self(Broker::open(store(kind, url, who).await?, BrokerConfig::default()).await?))
    }
}

/// Our store on a server, as whoever asks has it.
pub(super) async fn store(kind: Kind, url: &str, who: Who) -> Result<Arc<dyn Store>> {
    let store: Arc<dyn Store> = match kind {
        #[cfg(feature = "redis")]
        Kind::Redis => Arc::new(headwater_redis::RedisStore::connect(url, Default::default()).await?),
        #[cfg(feature = "nats")]
        Kind::Nats => {
            let atomic = who == Who::OursWhole;
            let options = headwater_nats::NatsOptions { atomic, ..Default::default() };
            Arc::new(headwater_nats::NatsStore::open(url, options).await?)
        }
        #[cfg(feature = "kafka")]
        Kind::Kafka => {
            let mut options = headwater_kafka::KafkaOptions::from_url(url)?;
            if who == Who::OursCold {
                options.ring_bytes = 0;
            }
            Arc::new(headwater_kafka::KafkaStore::open(options).await?)
        }
    };
    let _ = who;
    Ok(store)
}

#[async_trait]
impl Peer for Ours {
    async fn publish(&self, batch: &[Event]) -> Result<()> {
        self.0.publish(batch).await?;
        Ok(())
    }

    async fn read(&self, _expected: usize) -> Result<usize> {
        let (scope, mut start, mut count) = (Scope::Tenant(Tenant::default()), Start::Earliest, 0);
        loop {
            let page = self.0.read(&scope, &Filter::all(), start, PAGE).await?;
            count += page.events.len();
            if !page.more {
                return Ok(count);
            }
            start = Start::After(page.next);
        }
    }

    async fn tail(&self) -> Result<Box<dyn Tail>> {
        let scope = Scope::Tenant(Tenant::default());
        let stream = self.0.subscribe(Subscription::new(scope).start(Start::Live)).await?;
        Ok(Box::new(OurTail(stream)))
    }
}

struct OurTail(EventStream);

#[async_trait]
impl Tail for OurTail {
    async fn next(&mut self, found: Found<'_>) -> Result<()> {
        for item in self.0.next_batch(1024).await.context("the stream ended")?? {
            match item {
                Item::Event(delivery) => found(delivery.event().json()),
                Item::Gap(gap) => anyhow::bail!("a gap: {}", gap.reason),
                Item::CaughtUp(_) | Item::End(_) => {}
            }
        }
        Ok(())
    }
}
