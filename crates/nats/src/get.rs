//! Single stored messages.

use async_nats::{HeaderMap, Message, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use headwater_store::Error;
use serde::Deserialize;

use crate::{
    api::{Get, code},
    link::{Link, Silence},
};

impl Link {
    /// One stored event, by a server that has all that was answered.
    pub(crate) async fn get(&self, get: &Get) -> Result<Option<Message>, Error> {
        if self.is_replicated() {
            return self.get_at_leader(&self.names.events, get).await;
        }
        let body = serde_json::to_vec(get).map_err(|e| self.unavailable(e))?;
        let subject = format!("$JS.API.DIRECT.GET.{}", self.names.events);
        let deadline = self.deadline();
        for attempt in 0.. {
            let silence = match self.ask_once(&subject, body.clone().into(), deadline).await {
                Ok(message) if message.status == Some(StatusCode::NOT_FOUND) => return Ok(None),
                Ok(message) => return Ok(Some(message)),
                Err(silence) => silence,
            };
            if matches!(silence, Silence::NoResponders) {
                self.verify().await?;
            }
            self.again(silence, attempt, deadline).await?;
        }
        Ok(None)
    }

    /// One message of a stream, by the stream's leader, in the shape of one that was asked for directly.
    pub(crate) async fn get_at_leader(&self, stream: &str, get: &Get) -> Result<Option<Message>, Error> {
        #[derive(Deserialize)]
        struct Found {
            message: Stored,
        }
        #[derive(Deserialize)]
        struct Stored {
            subject: String,
            seq: u64,
            #[serde(default)]
            hdrs: String,
            #[serde(default)]
            data: String,
        }
        let found = self.call::<Found>(&format!("STREAM.MSG.GET.{stream}"), get).await?;
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
        let mut headers = HeaderMap::new();
        for line in String::from_utf8_lossy(&decode(&stored.hdrs)?).lines().skip(1) {
            if let Some((name, value)) = line.split_once(':') {
                headers.insert(name, value.trim());
            }
        }
        headers.insert("Nats-Sequence", stored.seq.to_string());
        headers.insert("Nats-Subject", stored.subject.as_str());
        let payload = decode(&stored.data)?;
        Ok(Some(Message {
            subject: stored.subject.into(),
            reply: None,
            length: payload.len(),
            payload: payload.into(),
            headers: Some(headers),
            status: None,
            description: None,
        }))
    }
}
