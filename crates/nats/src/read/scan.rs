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
pub(crate) struct Scan<'a> {
    link: &'a Link,
    stream: String,
    config: Value,
    name: String,
    pending: u64,
    last: u64,
}

impl<'a> Scan<'a> {
    /// The events under the filters from `start` on.
    pub(crate) async fn new(
        link: &'a Link,
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
    pub(crate) async fn last_of_each(link: &'a Link, stream: &str, filter: &str) -> Result<Self, Error> {
        let config = json!({ "deliver_policy": "last_per_subject", "filter_subjects": [filter] });
        Self::make(link, stream.to_owned(), config).await
    }

    async fn make(link: &'a Link, stream: String, mut config: Value) -> Result<Self, Error> {
        for (key, value) in [
            ("ack_policy", json!("none")),
            ("mem_storage", json!(true)),
            ("num_replicas", json!(1)),
            ("inactive_threshold", json!(IDLE_NS)),
            ("replay_policy", json!("instant")),
        ] {
            config[key] = value;
        }
        let mut scan = Self { link, stream, config, name: String::new(), pending: 0, last: 0 };
        scan.begin().await?;
        Ok(scan)
    }

    async fn begin(&mut self) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Made {
            num_pending: u64,
        }
        self.name = format!("hw-{}", uuid::Uuid::new_v4().simple());
        self.config["name"] = json!(self.name);
        let body = json!({ "stream_name": self.stream, "config": self.config, "action": "create" });
        let operation = format!("CONSUMER.CREATE.{}.{}", self.stream, self.name);
        let made = match self.link.call::<Made>(&operation, &body).await? {
            Err(refusal) if refusal.err_code == code::STREAM_NOT_FOUND => {
                self.link.verify().await?;
                self.link.call::<Made>(&operation, &body).await?
            }
            made => made,
        };
        self.pending = made.map_err(|refusal| self.link.unavailable(refusal))?.num_pending;
        Ok(())
    }

    /// How many there are still.
    pub(crate) const fn pending(&self) -> u64 {
        self.pending
    }

    /// The next ones, at most `limit` and about `max_bytes`, at least one; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Option<Vec<(Place, Message)>>, Error> {
        let deadline = self.link.deadline();
        for attempt in 0.. {
            if self.pending == 0 {
                return Ok(None);
            }
            let mut question = json!({ "batch": limit, "no_wait": true });
            if max_bytes < 1 << 30 {
                // Room for the largest event, since one that does not fit is not sent at all.
                question["max_bytes"] = json!(max_bytes + 2 * self.link.options.max_event_bytes + 4096);
            }
            let body = Bytes::from(question.to_string());
            let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream, self.name);
            let why = match self.link.collect(&subject, body, Some(limit), deadline).await {
                Ok((messages, _)) if !messages.is_empty() => {
                    let found: Vec<_> = messages
                        .into_iter()
                        .filter_map(|message| Some((place(&message)?, message)))
                        .collect();
                    if let Some((place, _)) = found.last() {
                        self.pending = place.pending;
                        self.last = place.seq;
                    }
                    return Ok(Some(found));
                }
                // What was counted was removed meanwhile.
                Ok(_) => {
                    self.pending = 0;
                    return Ok(None);
                }
                Err(why) => why,
            };
            if let Silence::Forbidden(what) = &why {
                return Err(self.link.forbidden(what));
            }
            self.link.again(why, attempt, deadline).await?;
            // The consumer may be gone, or have sent what was not heard.
            if self.config["deliver_policy"] == "by_start_sequence" {
                let start = self.config["opt_start_seq"].as_u64().unwrap_or(1).max(self.last + 1);
                self.config["opt_start_seq"] = json!(start);
            } else if self.last > 0 {
                return Err(self.link.unavailable("the connection was lost in the middle of a list"));
            }
            self.begin().await?;
        }
        Ok(None)
    }

    /// Lets the server forget the consumer at once.
    pub(crate) async fn end(self) {
        let subject = format!("$JS.API.CONSUMER.DELETE.{}.{}", self.stream, self.name);
        let nobody = self.link.client.new_inbox();
        // Else it goes by itself a little later.
        let _ = self.link.client.publish_with_reply(subject, nobody, Bytes::new()).await;
    }
}
