//! The connection to the server that everything but publishing uses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, Event, Message, RequestErrorKind, ServerError};
use bytes::Bytes;
use futures_util::StreamExt;
use headwater_store::{Error, Status, StatusKind, connection};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout, timeout_at},
};

use crate::{
    NatsOptions,
    api::{Answer, Refusal, StreamInfo, answer, code},
    backoff,
    clock::ServerClock,
    connect::{Return, connect},
    log::Identity,
    metric_definitions,
    names::Names,
    url::Address,
};

/// The connection, and what is known of the server behind it.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) address: Address,
    pub(crate) options: NatsOptions,
    pub(crate) names: Names,
    /// Which of the processes that have the log open this is.
    pub(crate) id: String,
    pub(crate) clock: ServerClock,
    pub(crate) identity: watch::Sender<Identity>,
    /// Held while the log is looked for or made again.
    pub(crate) verifying: Mutex<()>,
    /// Consumers of pages that have a next one.
    pub(crate) scans: crate::read::Scans,
    /// The log is kept by several servers: only their leader knows its end.
    replicated: AtomicBool,
    status: watch::Sender<Status>,
    line: watch::Receiver<Line>,
    closed: AtomicBool,
}

/// The state of the line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// Grows with each connection; the line is up when it is.
    pub(crate) connected: bool,
    pub(crate) generation: u64,
    /// What the server said it does not permit.
    forbidden: Option<String>,
}

/// Why a question had no answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// Nobody is there to answer.
    NoResponders,
    /// The line broke, or time ran out: it is not known whether the question came through.
    Lost(String),
    /// The server does not permit it.
    Forbidden(String),
}

impl Link {
    pub(crate) async fn open(address: Address, options: NatsOptions) -> Result<Self, Error> {
        metric_definitions::describe();
        let (line, heard) = watch::channel(Line::default());
        let client = connect(&address, &options, Return::Yes, move |event| hear(&line, &event)).await?;
        let names = Names::new(&options.namespace);
        let detail = format!("connected to {}", address.shown());
        Ok(Self {
            client,
            names,
            id: uuid::Uuid::new_v4().simple().to_string(),
            address,
            options,
            clock: ServerClock::new(),
            identity: watch::Sender::new(Identity::NONE),
            verifying: Mutex::default(),
            scans: crate::read::Scans::default(),
            replicated: AtomicBool::new(false),
            status: watch::Sender::new(Status { kind: StatusKind::Ready, detail }),
            line: heard,
            closed: AtomicBool::new(false),
        })
    }

    pub(crate) fn line(&self) -> watch::Receiver<Line> {
        self.line.clone()
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(crate) fn set_status(&self, kind: StatusKind, detail: String) {
        self.status.send_if_modified(|status| {
            let new = Status { kind, detail };
            // A store that was closed stays closed.
            let changed = status.kind != StatusKind::Closed && *status != new;
            if changed {
                *status = new;
            }
            changed
        });
    }

    pub(crate) fn open_or(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }

    /// Closes the link to later calls; `false` if it was.
    pub(crate) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_replicated(&self) -> bool {
        self.replicated.load(Ordering::Relaxed)
    }

    pub(crate) fn set_replicated(&self, replicated: bool) {
        self.replicated.store(replicated, Ordering::Relaxed);
    }

    pub(crate) fn unavailable(&self, why: impl std::fmt::Display) -> Error {
        Error::unavailable(format_args!("{}: {why}", self.address.shown()))
    }

    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout
    }

    /// Asks once, without a second try.
    pub(crate) async fn ask_once(
        &self,
        subject: &str,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Message, Silence> {
        let mut line = self.line();
        if timeout_at(deadline, line.wait_for(|line| line.connected)).await.is_err() {
            return Err(Silence::Lost("not connected".to_owned()));
        }
        let generation = line.borrow_and_update().generation;
        let request = async_nats::Request::new().payload(payload).timeout(None);
        let answer = self.client.send_request(subject.to_owned(), request);
        let broken = broken(line, generation, subject);
        let answer = tokio::select! {
            answer = timeout_at(deadline, answer) => answer,
            silence = broken => return Err(silence),
        };
        match answer {
            Err(_) => Err(Silence::Lost("no answer in time".to_owned())),
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Err(Silence::NoResponders),
            Ok(Err(error)) => Err(Silence::Lost(error.to_string())),
        }
    }

    /// Waits before the next try, or gives up.
    pub(crate) async fn again(
        &self,
        silence: Silence,
        attempt: usize,
        deadline: Instant,
    ) -> Result<(), Error> {
        let why = match silence {
            Silence::Forbidden(what) => return Err(self.forbidden(&what)),
            Silence::NoResponders => "JetStream does not answer".to_owned(),
            Silence::Lost(why) => why,
        };
        if Instant::now() + backoff::pause(attempt) >= deadline {
            return Err(self.unavailable(why));
        }
        tokio::time::sleep(backoff::pause(attempt)).await;
        Ok(())
    }

    pub(crate) fn forbidden(&self, what: &str) -> Error {
        Error::config(format_args!(
            "{}: no permission: {what}; the user needs $JS.API.>, {}.>, {}.> and _INBOX.>",
            self.address.shown(),
            self.options.namespace,
            self.names.keys,
        ))
    }

    /// A call of the JetStream API.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>, Error> {
        let body = Bytes::from(serde_json::to_vec(body).map_err(|e| self.unavailable(e))?);
        let deadline = self.deadline();
        for attempt in 0.. {
            let silence = match self.ask_once(&format!("$JS.API.{operation}"), body.clone(), deadline).await {
                Ok(message) => match answer(&message.payload).map_err(|e| self.unavailable(e))? {
                    // A server that has just started, or has no leader yet.
                    Err(Refusal { code: 503, description, .. }) => Silence::Lost(description),
                    answer => return Ok(answer),
                },
                Err(silence) => silence,
            };
            self.again(silence, attempt, deadline).await?;
        }
        Err(self.unavailable("no answer"))
    }

    /// What the stream of events is like, by its leader; also sets the clock. `None`: there is none.
    pub(crate) async fn info(&self) -> Result<Option<StreamInfo>, Error> {
        let asked = Instant::now();
        let operation = format!("STREAM.INFO.{}", self.names.events);
        match self.call::<StreamInfo>(&operation, &serde_json::json!({})).await? {
            Ok(info) => {
                if let Some(time) = info.ts {
                    self.clock.set(time, asked);
                }
                Ok(Some(info))
            }
            Err(refusal) if refusal.err_code == code::STREAM_NOT_FOUND => Ok(None),
            Err(refusal) if code::JETSTREAM_OFF.contains(&refusal.err_code) => Err(Error::config(
                format_args!("{}: JetStream is off for this user: {refusal}", self.address.shown()),
            )),
            Err(refusal) => Err(self.unavailable(refusal)),
        }
    }

    /// Several stored events, and how many more there are.
    pub(crate) async fn get_many(&self, body: &serde_json::Value) -> Result<(Vec<Message>, u64), Error> {
        let body = Bytes::from(body.to_string());
        let subject = format!("$JS.API.DIRECT.GET.{}", self.names.events);
        let deadline = self.deadline();
        for attempt in 0.. {
            let mut messages = Vec::new();
            let collected =
                self.collect(&subject, body.clone(), None, deadline, |message| messages.push(message));
            match collected.await {
                Ok(rest) => return Ok((messages, rest)),
                Err(silence) => {
                    if matches!(silence, Silence::NoResponders) {
                        self.verify().await?;
                    }
                    self.again(silence, attempt, deadline).await?;
                }
            }
        }
        Ok((Vec::new(), 0))
    }

    /// Hands over what the server sends for one question, as it comes, up to its end mark or so many messages, and gives
    /// how many more it says there are.
    pub(crate) async fn collect(
        &self,
        subject: &str,
        body: Bytes,
        limit: Option<usize>,
        deadline: Instant,
        mut take: impl FnMut(Message) + Send,
    ) -> Result<u64, Silence> {
        let lost = |error: &dyn std::fmt::Display| Silence::Lost(error.to_string());
        let mut line = self.line();
        if timeout_at(deadline, line.wait_for(|line| line.connected)).await.is_err() {
            return Err(Silence::Lost("not connected".to_owned()));
        }
        let generation = line.borrow_and_update().generation;
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|e| lost(&e))?;
        self.client.publish_with_reply(subject.to_owned(), inbox, body).await.map_err(|e| lost(&e))?;
        let mut count = 0;
        let collect = async {
            while let Some(message) = answers.next().await {
                match message.status.map(|status| status.as_u16()) {
                    None => {
                        count += 1;
                        take(message);
                    }
                    // The end, and how much is behind it.
                    Some(204) => {
                        let rest =
                            message.headers.as_ref().and_then(|headers| headers.get("Nats-Num-Pending"));
                        return Ok(rest.and_then(|rest| rest.as_str().parse().ok()).unwrap_or(0));
                    }
                    // Nothing more, or no more that fits.
                    Some(404 | 408) => return Ok(0),
                    Some(409) if count > 0 => return Ok(0),
                    Some(100) => {}
                    Some(503) => return Err(Silence::NoResponders),
                    Some(_) => return Err(Silence::Lost(message.description.unwrap_or_default())),
                }
                if limit.is_some_and(|limit| count >= limit) {
                    return Ok(0);
                }
            }
            Err(Silence::Lost("the line was closed".to_owned()))
        };
        tokio::select! {
            done = timeout_at(deadline, collect) => {
                done.unwrap_or_else(|_| Err(Silence::Lost("no answer in time".to_owned())))
            }
            silence = broken(line, generation, subject) => Err(silence),
        }
    }

    /// Runs until the store is closed: after each new connection the log is looked at again.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut line = self.line();
        let mut seen = line.borrow_and_update().generation;
        while line.changed().await.is_ok() && self.open_or().is_ok() {
            let now = line.borrow_and_update().clone();
            if !now.connected {
                self.set_status(
                    StatusKind::Away,
                    format!("the connection to {} is lost; trying again", self.address.shown()),
                );
                continue;
            }
            if now.generation == seen {
                continue;
            }
            seen = now.generation;
            for attempt in 0.. {
                match self.verify().await {
                    Ok(()) => break,
                    Err(error) => self.set_status(StatusKind::Away, error.to_string()),
                }
                if !self.line.borrow().connected || self.open_or().is_err() {
                    break;
                }
                tokio::time::sleep(backoff::pause(attempt).max(Duration::from_millis(250))).await;
            }
        }
    }

    /// Ends the connection once what was written is out.
    pub(crate) async fn end(&self) {
        let _ = timeout(Duration::from_secs(1), self.client.flush()).await;
        let _ = self.client.drain().await;
        self.status.send_replace(Status { kind: StatusKind::Closed, detail: "closed".to_owned() });
        connection::lost();
    }
}

/// Waits until the line of that generation is no more, or the server forbids what was asked.
async fn broken(mut line: watch::Receiver<Line>, generation: u64, subject: &str) -> Silence {
    loop {
        if line.changed().await.is_err() {
            return Silence::Lost("the connection ended".to_owned());
        }
        let now = line.borrow_and_update();
        if let Some(what) = now.forbidden.as_ref().filter(|what| what.contains(subject)) {
            return Silence::Forbidden(what.clone());
        }
        if !now.connected || now.generation != generation {
            return Silence::Lost("the connection was lost".to_owned());
        }
    }
}

fn hear(line: &watch::Sender<Line>, event: &Event) {
    match event {
        Event::Connected => {
            match line.borrow().generation {
                0 => connection::reached(),
                _ => connection::reached_again(),
            }
            line.send_modify(|line| {
                line.connected = true;
                line.generation += 1;
                line.forbidden = None;
            });
        }
        Event::Disconnected | Event::Closed => {
            connection::lost();
            line.send_modify(|line| line.connected = false);
        }
        Event::ServerError(ServerError::Other(what)) => {
            tracing::warn!(error = what, "the NATS server refuses something");
            line.send_modify(|line| line.forbidden = Some(what.clone()));
        }
        other => tracing::debug!(event = %other, "NATS"),
    }
}
