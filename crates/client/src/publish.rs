//! Publishing.

use bytes::Bytes;
use headwater_broker::{Error, Published};
use headwater_events::{Code, Event, EventError, Tenant};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use crate::{
    http::{Call, Http},
    problem,
};

#[derive(Deserialize)]
struct Answer {
    results: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    cursor: String,
    #[serde(default)]
    duplicate: bool,
    stored_at: Option<Timestamp>,
}

/// Publishes one batch. The ids do not change from try to try, so that trying again stores nothing twice.
pub(crate) async fn publish(http: &Http, events: &[Event]) -> Result<Vec<Published>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let call = Call {
        method: Method::POST,
        url: http.url(&["v1", "events"]),
        tenant: tenant(http, events)?,
        accept: "application/json",
        body: Some(("application/cloudevents-batch+json", batch(events))),
    };
    let (status, body) = http.send(&call).await?;
    if status == StatusCode::NOT_FOUND {
        return Err(problem::parse(status, &body));
    }
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|e| odd(format!("its answer cannot be read: {e}")))?;
    if answer.results.len() != events.len() {
        return Err(odd(format!("{} results for {} events", answer.results.len(), events.len())));
    }
    answer.results.into_iter().zip(events).map(|(stored, event)| stored.published(event)).collect()
}

impl Stored {
    fn published(self, event: &Event) -> Result<Published, Error> {
        let cursor = self.cursor.parse().map_err(|_| odd(format!("`{}` is no cursor", self.cursor)))?;
        let stored_at = self.stored_at.or_else(|| event.time()).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Published { cursor, stored_at, duplicate: self.duplicate })
    }
}

/// The one tenant of a batch: a call speaks for one.
fn tenant(http: &Http, events: &[Event]) -> Result<Tenant, Error> {
    let mut all = None;
    for (index, event) in events.iter().enumerate() {
        let refuse = |code, detail: String| Error::InvalidEvent {
            index,
            error: EventError::attribute(code, "tenant", detail),
        };
        let tenant = match event.tenant() {
            None => http.options.tenant.clone(),
            Some(_) => event.tenant_name().map_err(|e| refuse(Code::InvalidTenant, e.to_string()))?,
        };
        match &all {
            None => all = Some(tenant),
            Some(first) if *first == tenant => {}
            Some(_) => {
                return Err(refuse(
                    Code::InvalidTenant,
                    "over http all events of a batch have one tenant".into(),
                ));
            }
        }
    }
    Ok(all.unwrap_or_else(|| http.options.tenant.clone()))
}

fn batch(events: &[Event]) -> Bytes {
    let mut body = Vec::with_capacity(events.iter().map(|e| e.json().len() + 1).sum::<usize>() + 1);
    for event in events {
        body.push(if body.is_empty() { b'[' } else { b',' });
        body.extend_from_slice(event.json());
    }
    body.push(b']');
    Bytes::from(body)
}

/// The server said something that it never says.
fn odd(detail: String) -> Error {
    Error::Remote { code: "bad-answer".into(), status: 200, detail }
}
