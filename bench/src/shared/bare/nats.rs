//! async-nats: JetStream publishes with their acks windowed, an ordered consumer.

use anyhow::{Context as _, Result};
use async_nats::jetstream::{
    self,
    consumer::{DeliverPolicy, pull},
    stream,
};
use async_trait::async_trait;
use futures_util::{StreamExt as _, future::try_join_all};
use headwater_events::{DEFAULT_LANES, Event, lane_of};

use crate::shared::{Found, Peer, Tail};

pub(in crate::shared) struct Client {
    context: jetstream::Context,
    stream: stream::Stream,
}

impl Client {
    pub(in crate::shared) async fn connect(url: &str) -> Result<Self> {
        let context = jetstream::new(async_nats::connect(url).await?);
        let config = stream::Config {
            name: "bare".to_owned(),
            subjects: vec!["bare.>".to_owned()],
            duplicate_window: std::time::Duration::from_secs(120),
            ..stream::Config::default()
        };
        let stream = context.create_stream(config).await?;
        Ok(Self { context, stream })
    }

    async fn consume(&self, from: DeliverPolicy) -> Result<pull::Ordered> {
        let config = pull::OrderedConfig { deliver_policy: from, ..pull::OrderedConfig::default() };
        Ok(self.stream.create_consumer(config).await?.messages().await?)
    }
}

#[async_trait]
impl Peer for Client {
    async fn publish(&self, batch: &[Event]) -> Result<()> {
        let mut acks = Vec::with_capacity(batch.len());
        for event in batch {
            let tenant = event.tenant().unwrap_or("default");
            let lane = lane_of(tenant, event.stream(), DEFAULT_LANES).0;
            let subject = format!("bare.{tenant}.{lane}.d.{}", event.stream());
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{}/{}", event.source(), event.id()));
            acks.push(self.context.publish_with_headers(subject, headers, event.json().clone()).await?);
        }
        try_join_all(acks.into_iter().map(std::future::IntoFuture::into_future)).await?;
        Ok(())
    }

    async fn read(&self, expected: usize) -> Result<usize> {
        let mut messages = self.consume(DeliverPolicy::All).await?;
        let (mut count, mut bytes) = (0, 0);
        while count < expected {
            bytes += messages.next().await.context("the consumer ended")??.payload.len();
            count += 1;
        }
        anyhow::ensure!(bytes > 0, "nothing was read");
        Ok(count)
    }

    async fn tail(&self) -> Result<Box<dyn Tail>> {
        Ok(Box::new(Consumed(self.consume(DeliverPolicy::New).await?)))
    }
}

struct Consumed(pull::Ordered);

#[async_trait]
impl Tail for Consumed {
    async fn next(&mut self, found: Found<'_>) -> Result<()> {
        found(&self.0.next().await.context("the consumer ended")??.payload);
        Ok(())
    }
}
