//! ruststream's `MemoryBroker`: one publisher flat out, subscriptions of one name, each message acked as it comes.
//!
//! Payloads are bytes that are encoded already and that nobody decodes, as those of our own readers: this is less than a
//! service with handlers does.

use std::{pin::pin, time::Instant};

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use ruststream::{
    BytesMut, IncomingMessage as _, OutgoingMessage, Publisher as _, Subscriber as _, memory::MemoryBroker,
};
use tokio::task::JoinSet;

use crate::{Delivered, TOKEN};

const NAME: &str = "tokens";

pub(crate) async fn deliver(readers: u64, events: u64) -> Result<Delivered> {
    let broker = MemoryBroker::new();
    let mut tails = JoinSet::new();
    for _ in 0..readers {
        let mut subscriber = broker.subscribe(NAME);
        tails.spawn(async move {
            let mut stream = pin!(subscriber.stream());
            let mut got = 0;
            while got < events {
                let message = stream.next().await.context("the stream ended early")??;
                message.ack().await?;
                got += 1;
            }
            anyhow::Ok(got)
        });
    }
    let publisher = broker.publisher();
    let since = Instant::now();
    tokio::spawn(async move {
        for _ in 0..events {
            let payload = BytesMut::from(format!("{{\"text\":\"{TOKEN}\"}}").as_bytes());
            publisher.publish(OutgoingMessage::with_payload(NAME, payload), None).await?;
        }
        anyhow::Ok(())
    })
    .await??;
    let mut deliveries = 0;
    while let Some(got) = tails.join_next().await {
        deliveries += got??;
    }
    Ok(Delivered { deliveries, since })
}
