//! Messages in order through a short-lived consumer.

use async_nats::Message;
use bytes::Bytes;
use headwater_store::Error;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::code,
    codec::{Place, place},
    link::{Link, Silence},
};

/// How long the server keeps a consumer that is not asked.
const IDLE_NS: u64 = 10_000_000_000;

/// A consumer of its own, to be read once from a place to the end.
#[derive(Debug)]
pub(crate) struct Scan {
    stream: String,
    config: Value,
    name: String,
    pending: u64,
    last: u64,
}

impl Scan {
    /// The events under the filters from `start` on.
    pub(crate) async fn new(
        link: &Link,
        filters: Vec<String>,
        start: u64,
        headers_only: bool,
    ) -> Result<Self, Error> {
        let config = json!({
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start.max(1),
            "filter_subjects": filters,
            "headers_only": headers_only,
        });
        Self::make(link, link.names.events.clone(), config).await
    }

    /// The last message under each subject that the filter lets through.
    pub(crate) async fn last_of_each(link: &Link, stream: &str, filter: &str) -> Result<Self, Error> {
        let config = json!({ "deliver_policy": "last_per_subject", "filter_subjects": [filter] });
        Self::make(link, stream.to_owned(), config).await
    }

    async fn make(link: &Link, stream: String, mut config: Value) -> Result<Self, Error> {
        for (key, value) in [
            ("ack_policy", json!("none")),
            ("mem_storage", json!(true)),
            ("num_replicas", json!(1)),
            ("inactive_threshold", json!(IDLE_NS)),
            ("replay_policy", json!("instant")),
        ] {
            config[key] = value;
        }
        let mut scan = Self { stream, config, name: String::new(), pending: 0, last: 0 };
        scan.begin(link).await?;
        Ok(scan)
    }

    async fn begin(&mut self, link: &Link) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Made {
            num_pending: u64,
        }
        self.name = format!("hw-{}", uuid::Uuid::new_v4().simple());
        self.config["name"] = json!(self.name);
        let body = json!({ "stream_name": self.stream, "config": self.config, "action": "create" });
        let operation = format!("CONSUMER.CREATE.{}.{}", self.stream, self.name);
        let made = match link.call::<Made>(&operation, &body).await? {
            Err(refusal) if refusal.err_code == code::STREAM_NOT_FOUND => {
                link.verify().await?;
                link.call::<Made>(&operation, &body).await?
            }
            made => made,
        };
        self.pending = made.map_err(|refusal| link.unavailable(refusal))?.num_pending;
        Ok(())
    }

    /// How many there are still.
    pub(crate) const fn pending(&self) -> u64 {
        self.pending
    }

    /// The next ones, at most `limit` and about `max_bytes`, at least one; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        link: &Link,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Option<Vec<(Place, Message)>>, Error> {
        let mut found = Vec::new();
        let any = self.each(link, limit, max_bytes, |place, message| found.push((place, message))).await?;
        Ok(any.then_some(found))
    }

    /// The same, one by one as they come; gives whether there was one. Those that were handed over before a failure are
    /// not handed over again.
    pub(crate) async fn each(
        &mut self,
        link: &Link,
        limit: usize,
        max_bytes: usize,
        mut take: impl FnMut(Place, Message) + Send,
    ) -> Result<bool, Error> {
        let deadline = link.deadline();
        let mut count = 0;
        for attempt in 0.. {
            if self.pending == 0 {
                return Ok(count > 0);
            }
            let mut question = json!({ "batch": limit - count, "no_wait": true });
            if max_bytes < 1 << 30 {
                // Room for the largest event, since one that does not fit is not sent at all.
                question["max_bytes"] = json!(max_bytes + 2 * link.options.max_event_bytes + 4096);
            }
            let body = Bytes::from(question.to_string());
            let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream, self.name);
            let before = count;
            let sent = link.collect(&subject, body, Some(limit - count), deadline, |message| {
                if let Some(place) = place(&message) {
                    self.pending = place.pending;
                    self.last = place.seq;
                    count += 1;
                    take(place, message);
                }
            });
            let why = match sent.await {
                Ok(_) if count > before => return Ok(true),
                // What was counted was removed meanwhile.
                Ok(_) => {
                    self.pending = 0;
                    return Ok(count > 0);
                }
                Err(why) => why,
            };
            if let Silence::Forbidden(what) = &why {
                return Err(link.forbidden(what));
            }
            link.again(why, attempt, deadline).await?;
            // The consumer may be gone, or have sent what was not heard.
            if self.config["deliver_policy"] == "by_start_sequence" {
                let start = self.config["opt_start_seq"].as_u64().unwrap_or(1).max(self.last + 1);
                self.config["opt_start_seq"] = json!(start);
            } else if self.last > 0 {
                return Err(link.unavailable("the connection was lost in the middle of a list"));
            }
            self.begin(link).await?;
            if count >= limit {
                return Ok(true);
            }
        }
        Ok(count > 0)
    }

    /// Lets the server forget the consumer at once.
    pub(crate) async fn end(self, link: &Link) {
        let subject = format!("$JS.API.CONSUMER.DELETE.{}.{}", self.stream, self.name);
        let nobody = link.client.new_inbox();
        // Else it goes by itself a little later.
        let _ = link.client.publish_with_reply(subject, nobody, Bytes::new()).await;
    }
}
