//! The key-value bucket: read from its leader, written by comparing revisions.

use std::time::Duration;

use async_nats::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use headwater_store::Error;
use serde::Deserialize;
use tokio::time::timeout_at;

use crate::{
    api::{Get, PubAck, answer, code},
    backoff,
    link::Link,
    read::Scan,
};

/// A value with the number of the write it came by.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) subject: String,
    pub(crate) revision: u64,
    /// `None`: it was deleted.
    pub(crate) bytes: Option<Bytes>,
}

const OPERATION: &str = "KV-Operation";

impl Link {
    /// The value under a subject of the bucket, by its leader.
    pub(crate) async fn value(&self, subject: &str) -> Result<Option<Value>, Error> {
        #[derive(Deserialize)]
        struct Found {
            message: Stored,
        }
        #[derive(Deserialize)]
        struct Stored {
            seq: u64,
            #[serde(default)]
            hdrs: String,
            #[serde(default)]
            data: String,
        }
        let get = Get { last_by_subj: Some(subject.to_owned()), ..Get::default() };
        let found = self.call::<Found>(&format!("STREAM.MSG.GET.{}", self.names.state), &get).await?;
        let stored = match found {
            Ok(found) => found.message,
            Err(refusal) if refusal.err_code == code::NO_MESSAGE => return Ok(None),
            Err(refusal) if refusal.err_code == code::STREAM_NOT_FOUND => {
                self.verify().await?;
                return Ok(None);
            }
            Err(refusal) => return Err(self.unavailable(refusal)),
        };
        let decode = |text: &str| STANDARD.decode(text).map_err(|e| Error::corrupt(None, e));
        let deleted = String::from_utf8_lossy(&decode(&stored.hdrs)?).contains(OPERATION);
        let bytes = if deleted { None } else { Some(decode(&stored.data)?.into()) };
        Ok(Some(Value { subject: subject.to_owned(), revision: stored.seq, bytes }))
    }

    /// Writes a value (`None`: deletes it) if the last write under the subject was `expected` (0: none), and gives the
    /// number of the write; `None` where the last write was another. The server forgets it after `lasts`.
    pub(crate) async fn write(
        &self,
        subject: &str,
        bytes: Option<Bytes>,
        expected: u64,
        lasts: Option<Duration>,
    ) -> Result<Option<u64>, Error> {
        let deadline = self.deadline();
        // By this a second try is recognized.
        let id = uuid::Uuid::new_v4().simple().to_string();
        for attempt in 0.. {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
            headers.insert("Nats-Msg-Id", id.as_str());
            if bytes.is_none() {
                headers.insert(OPERATION, "DEL");
            }
            if let Some(lasts) = lasts {
                headers.insert("Nats-TTL", format!("{}s", lasts.as_secs().max(1)));
            }
            let request = async_nats::Request::new()
                .headers(headers)
                .payload(bytes.clone().unwrap_or_default())
                .timeout(Some(deadline.duration_since(tokio::time::Instant::now())));
            let mut line = self.line();
            let sent = async {
                let _ = line.wait_for(|line| line.connected).await;
                let generation = line.borrow_and_update().generation;
                let answer = self.client.send_request(subject.to_owned(), request);
                let lost = async {
                    let _ = line.wait_for(|line| !line.connected || line.generation != generation).await;
                };
                tokio::select! {
                    answer = answer => answer.map_err(|error| error.to_string()),
                    () = lost => Err("the connection was lost".to_owned()),
                }
            };
            let why = match timeout_at(deadline, sent).await {
                Ok(Ok(message)) => match answer::<PubAck>(&message.payload) {
                    Ok(Ok(ack)) => return Ok(Some(ack.seq)),
                    Ok(Err(refusal)) if code::WRONG_LAST_SEQUENCE.contains(&refusal.err_code) => {
                        return Ok(None);
                    }
                    Ok(Err(refusal)) if code::NO_ROOM.contains(&refusal.err_code) => {
                        return Err(Error::Full { reason: format!("{}: {refusal}", self.address.shown()) });
                    }
                    Ok(Err(refusal)) => refusal.to_string(),
                    Err(error) => error.to_string(),
                },
                Ok(Err(why)) => why,
                Err(_) => "no answer in time".to_owned(),
            };
            if tokio::time::Instant::now() + backoff::pause(attempt) >= deadline {
                return Err(Error::Unknown { reason: format!("{}: {why}", self.address.shown()) });
            }
            tokio::time::sleep(backoff::pause(attempt)).await;
            if attempt == 0 {
                // The bucket may be gone.
                self.verify().await?;
            }
        }
        Ok(None)
    }

    /// Every value under a filter of the bucket's subjects.
    pub(crate) async fn values(&self, filter: &str) -> Result<Vec<Value>, Error> {
        let mut scan = Scan::last_of_each(self, &self.names.state, filter).await?;
        let mut values = Vec::new();
        while let Some(chunk) = scan.next(self, 1000, usize::MAX).await? {
            for (place, message) in chunk {
                let deleted =
                    message.headers.as_ref().is_some_and(|headers| headers.get(OPERATION).is_some());
                values.push(Value {
                    subject: message.subject.to_string(),
                    revision: place.seq,
                    bytes: (!deleted).then_some(message.payload),
                });
            }
        }
        scan.end(self).await;
        Ok(values)
    }
}
