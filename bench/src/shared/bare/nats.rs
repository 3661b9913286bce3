//! async-nats: JetStream publishes with their acks windowed, an ordered consumer.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
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
    client: async_nats::Client,
    /// Batches are stored whole or not at all.
    atomic: bool,
    batches: AtomicU64,
    context: jetstream::Context,
    stream: stream::Stream,
}

impl Client {
    pub(in crate::shared) async fn connect(url: &str, atomic: bool) -> Result<Self> {
        let client = async_nats::connect(url).await?;
        let context = jetstream::new(client.clone());
        let config = stream::Config {
            name: "bare".to_owned(),
            subjects: vec!["bare.>".to_owned()],
            duplicate_window: std::time::Duration::from_secs(120),
            allow_atomic_publish: atomic,
            ..stream::Config::default()
        };
        let stream = context.create_stream(config).await?;
        Ok(Self { client, atomic, batches: AtomicU64::new(0), context, stream })
    }

    /// Of one tenant, as we do.
    async fn consume(&self, filter: &str, from: DeliverPolicy) -> Result<pull::Ordered> {
        let config = pull::OrderedConfig {
            deliver_policy: from,
            filter_subject: filter.to_owned(),
            ..pull::OrderedConfig::default()
        };
        Ok(self.stream.create_consumer(config).await?.messages().await?)
    }
}

impl Client {
    /// One batch, of which the server answers the last message alone.
    async fn whole(&self, batch: &[Event]) -> Result<()> {
        let id = format!("bare-{}", self.batches.fetch_add(1, Ordering::Relaxed));
        for (n, event) in batch.iter().enumerate() {
            let (subject, mut headers) = address(event);
            headers.insert("Nats-Batch-Id", id.as_str());
            headers.insert("Nats-Batch-Sequence", (n + 1).to_string());
            if n + 1 < batch.len() {
                self.client.publish_with_headers(subject, headers, event.json().clone()).await?;
                continue;
            }
            headers.insert("Nats-Batch-Commit", "1");
            let answer = self.client.request_with_headers(subject, headers, event.json().clone()).await?;
            let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
            ensure!(answer.get("error").is_none(), "{answer}");
        }
        Ok(())
    }
}

/// Where an event goes, and what keeps it from being stored twice.
fn address(event: &Event) -> (String, async_nats::HeaderMap) {
    let tenant = event.tenant().unwrap_or("default");
    let lane = lane_of(tenant, event.stream(), DEFAULT_LANES).0;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", format!("{}/{}", event.source(), event.id()));
    (format!("bare.{tenant}.{lane}.d.{}", event.stream()), headers)
}

#[async_trait]
impl Peer for Client {
    async fn publish(&self, batch: &[Event]) -> Result<()> {
        if self.atomic {
            return self.whole(batch).await;
        }
        let mut acks = Vec::with_capacity(batch.len());
        for event in batch {
            let (subject, headers) = address(event);
            acks.push(self.context.publish_with_headers(subject, headers, event.json().clone()).await?);
        }
        try_join_all(acks.into_iter().map(std::future::IntoFuture::into_future)).await?;
        Ok(())
    }

    async fn read(&self, expected: usize) -> Result<usize> {
        let mut messages = self.consume("bare.default.*.d.*", DeliverPolicy::All).await?;
        let (mut count, mut bytes) = (0, 0);
        while count < expected {
            bytes += messages.next().await.context("the consumer ended")??.payload.len();
            count += 1;
        }
        ensure!(bytes > 0, "nothing was read");
        Ok(count)
    }

    async fn tail(&self) -> Result<Box<dyn Tail>> {
        Ok(Box::new(Consumed(self.consume("bare.default.>", DeliverPolicy::New).await?)))
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
