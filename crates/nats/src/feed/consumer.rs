//! The consumer of a feed: made from our own place in the log, and made again from there whenever it falters.

use std::time::Duration;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use headwater_store::Error;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    api::code,
    codec::{Place, place},
    link::Link,
};

/// So often the server says that a quiet consumer is alive.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// So long without a word, and it is not.
const SILENCE: Duration = Duration::from_secs(5);
/// The most messages in one batch.
const BATCH: usize = 512;

/// A consumer that sends what comes.
pub(super) struct Consumer {
    inbox: Subscriber,
    /// The number of the last message it sent.
    last: u64,
}

/// What a consumer gives.
pub(super) enum Sent {
    /// Messages in order, directly behind the last ones.
    Messages(Vec<(Place, Message)>),
    /// Nothing new.
    Nothing,
    /// It lost something, or is gone.
    Broken(&'static str),
}

impl Consumer {
    /// A consumer of the events under a filter from `start` on. `None`: there is no log.
    pub(super) async fn begin(link: &Link, filter: &str, start: u64) -> Result<Option<Self>, Error> {
        let deliver = link.client.new_inbox();
        let inbox = link.client.subscribe(deliver.clone()).await.map_err(|e| link.unavailable(e))?;
        let name = format!("hw-feed-{}", uuid::Uuid::new_v4().simple());
        let stream = &link.names.events;
        let body = json!({
            "stream_name": stream,
            "action": "create",
            "config": {
                "name": name,
                "deliver_subject": deliver,
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": start.max(1),
                "filter_subjects": [filter],
                "ack_policy": "none",
                "max_deliver": 1,
                "replay_policy": "instant",
                "flow_control": true,
                "idle_heartbeat": u64::try_from(HEARTBEAT.as_nanos()).unwrap_or(u64::MAX),
                "inactive_threshold": 10_000_000_000_u64,
                "mem_storage": true,
                "num_replicas": 1,
            },
        });
        let operation = format!("CONSUMER.CREATE.{stream}.{name}");
        match link.call::<serde_json::Value>(&operation, &body).await? {
            Ok(_) => Ok(Some(Self { inbox, last: 0 })),
            Err(refusal) if refusal.err_code == code::STREAM_NOT_FOUND => Ok(None),
            Err(refusal) => Err(link.unavailable(refusal)),
        }
    }

    /// Waits for the next messages and takes all that are there. Nothing is lost when it is dropped while it waits.
    pub(super) async fn next(&mut self, link: &Link) -> Sent {
        let first = match timeout(SILENCE, self.inbox.next()).await {
            Ok(Some(message)) => message,
            Ok(None) => return Sent::Broken("the subscription ended"),
            Err(_) => return Sent::Broken("it is silent"),
        };
        let mut messages = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            if let Some(status) = message.status {
                if status.as_u16() != 100 {
                    return Sent::Broken("the server ended it");
                }
                if !self.control(link, &message) {
                    return Sent::Broken("it sent what was not heard");
                }
            } else {
                let Some(place) = place(&message) else {
                    return Sent::Broken("it sends what is not its own");
                };
                if place.consumer_seq != self.last + 1 {
                    return Sent::Broken("it sent what was not heard");
                }
                self.last = place.consumer_seq;
                messages.push((place, message));
            }
            next = if messages.len() < BATCH { self.inbox.next().now_or_never().flatten() } else { None };
        }
        if messages.is_empty() { Sent::Nothing } else { Sent::Messages(messages) }
    }

    /// A heartbeat, or a question whether we keep up. Gives whether everything it sent has come.
    fn control(&self, link: &Link, message: &Message) -> bool {
        let header = |name: &str| message.headers.as_ref().and_then(|headers| headers.get(name));
        let reply = message.reply.as_ref().map(ToString::to_string);
        let stalled = header("Nats-Consumer-Stalled").map(|stalled| stalled.as_str().to_owned());
        if let Some(subject) = reply.or(stalled) {
            let client = link.client.clone();
            tokio::spawn(async move {
                // A lost answer is asked for again.
                let _ = client.publish(subject, Bytes::new()).await;
            });
        }
        let last = header("Nats-Last-Consumer").and_then(|last| last.as_str().parse::<u64>().ok());
        last.is_none_or(|last| last <= self.last)
    }
}
