//! The bare clients' own groups: batches of 100 read and acked by one consumer.
#![cfg(feature = "shared")]

use anyhow::Result;
use headwater_events::Event;

use crate::shared::Kind;

const BATCH: usize = 100;

/// What is compared with, where there is something.
pub(super) const fn name(kind: Kind) -> Option<&'static str> {
    match kind {
        #[cfg(feature = "redis")]
        Kind::Redis => Some("XREADGROUP and XACK of 100"),
        #[cfg(feature = "nats")]
        Kind::Nats => Some("async-nats, fetch of 100 and ack"),
        // Its groups commit offsets: nothing is acked event by event.
        #[cfg(feature = "kafka")]
        Kind::Kafka => None,
    }
}

/// Events a second.
pub(super) async fn measure(kind: Kind, url: &str, events: &[Vec<Event>]) -> Result<Option<f64>> {
    match kind {
        #[cfg(feature = "redis")]
        Kind::Redis => redis(url, events).await.map(Some),
        #[cfg(feature = "nats")]
        Kind::Nats => nats(url, events).await.map(Some),
        #[cfg(feature = "kafka")]
        Kind::Kafka => Ok(None),
    }
}

#[cfg(feature = "redis")]
async fn redis(url: &str, events: &[Vec<Event>]) -> Result<f64> {
    use redis::streams::{StreamReadOptions, StreamReadReply};
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    for batch in events {
        let mut pipeline = redis::pipe();
        for event in batch {
            let json: &[u8] = event.json();
            pipeline.cmd("XADD").arg("bare").arg("*").arg("data").arg(json).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await?;
    }
    let mut create = redis::cmd("XGROUP");
    create.arg("CREATE").arg("bare").arg("g").arg("0").query_async::<()>(&mut connection).await?;
    let count: usize = events.iter().map(Vec::len).sum();
    let options = StreamReadOptions::default().group("g", "w").count(BATCH);
    let (begin, mut done) = (std::time::Instant::now(), 0);
    while done < count {
        let mut read = redis::cmd("XREADGROUP");
        read.arg(&options).arg("STREAMS").arg("bare").arg(">");
        let reply: StreamReadReply = read.query_async(&mut connection).await?;
        let mut ack = redis::cmd("XACK");
        ack.arg("bare").arg("g");
        for entry in reply.keys.iter().flat_map(|key| &key.ids) {
            ack.arg(&entry.id);
            done += 1;
        }
        ack.query_async::<()>(&mut connection).await?;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

#[cfg(feature = "nats")]
async fn nats(url: &str, events: &[Vec<Event>]) -> Result<f64> {
    use async_nats::jetstream::{self, consumer::pull, stream};
    use futures_util::{StreamExt as _, future::try_join_all};
    let context = jetstream::new(async_nats::connect(url).await?);
    let config = stream::Config {
        name: "bare".to_owned(),
        subjects: vec!["bare".to_owned()],
        ..stream::Config::default()
    };
    let stream = context.create_stream(config).await?;
    for batch in events {
        let mut acks = Vec::with_capacity(batch.len());
        for event in batch {
            acks.push(context.publish("bare", event.json().clone()).await?);
        }
        try_join_all(acks.into_iter().map(std::future::IntoFuture::into_future)).await?;
    }
    let config = pull::Config { durable_name: Some("g".to_owned()), ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await?;
    let count: usize = events.iter().map(Vec::len).sum();
    let (begin, mut done) = (std::time::Instant::now(), 0);
    while done < count {
        let mut messages = consumer.fetch().max_messages(BATCH.min(count - done)).messages().await?;
        while let Some(message) = messages.next().await {
            message.map_err(anyhow::Error::from_boxed)?.ack().await.map_err(anyhow::Error::from_boxed)?;
            done += 1;
        }
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}
