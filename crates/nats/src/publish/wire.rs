//! Connections for publishing, each used until it is lost.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, Event, HeaderMap, Message, RequestErrorKind, ServerError, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use headwater_store::Error;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{Failure, Publisher, item::Item};
use crate::{
    api::{PubAck, Refusal, answer},
    backoff,
    connect::{Return, connect},
};

/// How long to wait at most before trying again to reach a server that is there.
const SOON: Duration = Duration::from_millis(250);

/// A connection that never comes back.
pub(super) struct Wire {
    client: Client,
    state: watch::Receiver<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    lost: bool,
    forbidden: Option<String>,
}

/// The present connection, and how it went with the last ones.
#[derive(Default)]
pub(super) struct Wires {
    wire: Option<Arc<Wire>>,
    failed: usize,
    not_before: Option<Instant>,
}

impl Wires {
    pub(super) async fn end(&mut self) {
        if let Some(wire) = self.wire.take() {
            let _ = wire.client.drain().await;
        }
    }
}

impl Publisher {
    /// The connection, made anew where there is none or it was lost.
    pub(super) async fn wire(&self, deadline: Instant) -> Result<Arc<Wire>, Error> {
        let away = || self.link.unavailable("not connected");
        let mut wires = timeout_at(deadline, self.wires.lock()).await.map_err(|_| away())?;
        if let Some(wire) = wires.wire.as_ref().filter(|wire| !wire.state.borrow().lost) {
            return Ok(Arc::clone(wire));
        }
        wires.wire = None;
        loop {
            self.link.open_or()?;
            if let Some(at) = wires.not_before {
                // The server is back, as the other connection knows: no need to wait for long.
                let soon = Instant::now() + SOON;
                let at = if self.link.line().borrow().connected { at.min(soon) } else { at };
                if at >= deadline {
                    tokio::time::sleep_until(deadline).await;
                    return Err(away());
                }
                tokio::time::sleep_until(at).await;
            }
            let made = timeout_at(deadline, Wire::connect(self)).await.unwrap_or_else(|_| Err(away()));
            wires.not_before = Some(Instant::now() + backoff::pause(wires.failed));
            match made {
                Ok(wire) => {
                    let wire = Arc::new(wire);
                    wires.wire = Some(Arc::clone(&wire));
                    wires.failed = 0;
                    return Ok(wire);
                }
                Err(error) if Instant::now() < deadline && error.is_retryable() => wires.failed += 1,
                Err(error) => {
                    wires.failed += 1;
                    return Err(error);
                }
            }
        }
    }
}

impl Wire {
    async fn connect(publisher: &Publisher) -> Result<Self, Error> {
        let (sender, state) = watch::channel(State::default());
        let heard = move |event| match event {
            Event::Disconnected | Event::Closed => sender.send_modify(|state| state.lost = true),
            Event::ServerError(ServerError::Other(what)) => {
                sender.send_modify(|state| state.forbidden = Some(what));
            }
            _ => {}
        };
        let link = &publisher.link;
        let client = connect(&link.address, &link.options, Return::Never, heard).await?;
        Ok(Self { client, state })
    }

    /// Puts a message behind those that were sent before it, without waiting for an answer.
    pub(super) async fn send(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), Failure> {
        self.client
            .publish_with_headers(subject.to_owned(), headers, payload)
            .await
            .map_err(|error| Failure::Lost(error.to_string()))
    }

    /// The same, and waits for the server's answer.
    pub(super) async fn ask(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<PubAck, Failure> {
        let request = async_nats::Request::new().headers(headers).payload(payload).timeout(None);
        let sent = self.client.send_request(subject.to_owned(), request);
        let sent = tokio::select! {
            sent = timeout_at(deadline, sent) => sent,
            failure = self.broken(subject) => return Err(failure),
        };
        match sent {
            Err(_) => Err(Failure::Lost("no answer in time".to_owned())),
            Ok(Ok(message)) => understand(&message),
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
                Err(Failure::Refused(nobody()))
            }
            Ok(Err(error)) => Err(Failure::Lost(error.to_string())),
        }
    }

    /// Puts messages behind each other and gathers the server's answers, in the same order.
    pub(super) async fn ask_all(&self, items: &[&Item], deadline: Instant) -> Vec<Result<PubAck, Failure>> {
        let lost = |why: &dyn std::fmt::Display| Failure::Lost(why.to_string());
        let mut answers: Vec<_> = items.iter().map(|_| Err(lost(&"no answer"))).collect();
        let inbox = self.client.new_inbox();
        let Ok(mut replies) = self.client.subscribe(format!("{inbox}.*")).await else { return answers };
        let subject = items.first().map_or("", |item| item.subject.as_str());
        let gather = async {
            for (n, item) in items.iter().enumerate() {
                let reply = format!("{inbox}.{n}");
                let (subject, payload) = (item.subject.clone(), item.payload.clone());
                if self
                    .client
                    .publish_with_reply_and_headers(subject, reply, item.headers(), payload)
                    .await
                    .is_err()
                {
                    return None;
                }
            }
            let mut open = items.len();
            while open > 0 {
                let reply = replies.next().await?;
                let n = reply.subject.rsplit('.').next().and_then(|n| n.parse::<usize>().ok());
                if let Some(slot) = n.and_then(|n| answers.get_mut(n)) {
                    open -= 1;
                    *slot = understand(&reply);
                }
            }
            Some(())
        };
        let failure = tokio::select! {
            _ = timeout_at(deadline, gather) => return answers,
            failure = self.broken(subject) => failure,
        };
        let why = match failure {
            Failure::Lost(why) => why,
            Failure::Refused(refusal) => {
                return items.iter().map(|_| Err(Failure::Refused(refusal.clone()))).collect();
            }
        };
        answers.iter_mut().filter(|answer| matches!(answer, Err(Failure::Lost(_)))).for_each(|answer| {
            *answer = Err(lost(&why));
        });
        answers
    }

    async fn broken(&self, subject: &str) -> Failure {
        let mut state = self.state.clone();
        loop {
            {
                let now = state.borrow_and_update();
                if let Some(what) = now.forbidden.as_ref().filter(|what| what.contains(subject)) {
                    return Failure::Refused(Refusal { code: 403, err_code: 0, description: what.clone() });
                }
                if now.lost {
                    return Failure::Lost("the connection was lost".to_owned());
                }
            }
            if state.changed().await.is_err() {
                return Failure::Lost("the connection ended".to_owned());
            }
        }
    }
}

/// Nobody took it: the stream is gone, or its leader is being chosen.
fn nobody() -> Refusal {
    Refusal { code: 503, err_code: 0, description: "JetStream does not answer".to_owned() }
}

fn understand(message: &Message) -> Result<PubAck, Failure> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(Failure::Refused(nobody()));
    }
    match answer::<PubAck>(&message.payload) {
        Ok(Ok(ack)) => Ok(ack),
        Ok(Err(refusal)) => Err(Failure::Refused(refusal)),
        Err(error) => Err(Failure::Lost(error.to_string())),
    }
}
