//! What every agent can do: emit, listen, answer.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use headwater::{
    Class, Event, EventPublisher as _, EventStream, EventSubscriber as _, EventType, Filter, HttpBroker,
    Item, Scope, Start, StreamName, Subscription, Tenant,
    catalogue::{A2aRequest, A2aResponse},
};

use super::{Pace, Sent, client};

/// What all agents share: where the server is, and which run they work on.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The server.
    pub(crate) url: String,
    /// The run.
    pub(crate) run: StreamName,
    /// Where the tools work.
    pub(crate) work: PathBuf,
    /// How fast.
    pub(crate) pace: Pace,
    /// When each event went out.
    pub(crate) sent: Arc<Sent>,
}

impl Setting {
    /// What is read: the run's stream.
    pub(crate) fn scope(&self) -> Scope {
        Scope::Stream(Tenant::default(), self.run.clone())
    }
}

/// An agent: a name, a line to the server, and a count of what it has emitted.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) name: &'static str,
    pub(crate) setting: Setting,
    broker: HttpBroker,
    /// The number of its last durable event: dense, so that a reader can prove that none is missing.
    sequence: u64,
}

impl Agent {
    pub(super) fn new(name: &'static str, setting: &Setting) -> anyhow::Result<Self> {
        Ok(Self { name, setting: setting.clone(), broker: client(&setting.url)?, sequence: 0 })
    }

    /// Publishes an event of a part of the run (`""` is the run itself) and returns once it is stored.
    pub(crate) async fn emit<T: EventType>(&mut self, part: &str, data: T) -> anyhow::Result<()> {
        self.emit_for(part, data, None).await
    }

    /// As [`Agent::emit`], for an event that belongs to a request.
    pub(crate) async fn emit_for<T: EventType>(
        &mut self,
        part: &str,
        data: T,
        request: Option<&str>,
    ) -> anyhow::Result<()> {
        let run = self.setting.run.as_str();
        let subject = if part.is_empty() { run.to_owned() } else { format!("{run}/{part}") };
        let mut event =
            Event::builder(format!("/agents/{}", self.name), T::TYPE).subject(subject).data(&data);
        if let Some(request) = request {
            event = event.correlationid(request);
        }
        // Deltas are not counted: each family of them ends in a durable event that has the whole.
        if T::CLASS == Class::Durable {
            self.sequence += 1;
            event = event.sequence(self.sequence);
        }
        let event = event.build()?;
        self.setting.sent.note(event.id());
        self.broker
            .publish(&[event])
            .await
            .with_context(|| format!("{}: cannot publish {}", self.name, T::TYPE))?;
        Ok(())
    }

    /// Subscribes to types of the run, from its beginning: nothing is missed, however late the agent comes.
    pub(crate) async fn listen(&self, types: &str) -> anyhow::Result<Ears> {
        let wanted =
            Subscription::new(self.setting.scope()).filter(Filter::types(types)?).start(Start::Earliest);
        let events =
            self.broker.subscribe(wanted).await.with_context(|| format!("{}: cannot listen", self.name))?;
        Ok(Ears { name: self.name, events })
    }

    /// Asks another agent; the answer is waited for with [`Ears::response`].
    pub(crate) async fn ask(
        &mut self,
        part: &str,
        to: &str,
        method: &str,
        payload: serde_json::Value,
    ) -> anyhow::Result<String> {
        let id = uuid::Uuid::now_v7().to_string();
        let request =
            A2aRequest::new().request_id(&*id).from(self.name).to(to).method(method).payload(payload);
        self.emit_for(part, request, Some(&id)).await?;
        Ok(id)
    }

    /// Answers a request of another agent.
    pub(crate) async fn answer(
        &mut self,
        request: &Request,
        payload: serde_json::Value,
    ) -> anyhow::Result<()> {
        let response =
            A2aResponse::new().request_id(&*request.id).from(self.name).to(&*request.from).payload(payload);
        let part = request.part.clone();
        self.emit_for(&part, response, Some(&request.id)).await
    }
}

/// What an agent listens to.
#[derive(Debug)]
pub(crate) struct Ears {
    name: &'static str,
    events: EventStream,
}

/// A request of another agent.
#[derive(Debug)]
pub(crate) struct Request {
    /// Its id, which the answer carries.
    pub(crate) id: String,
    /// Who asks.
    pub(crate) from: String,
    /// What for.
    pub(crate) method: String,
    /// With what.
    pub(crate) payload: serde_json::Value,
    /// The part of the run that it is.
    part: String,
}

impl Ears {
    /// Waits for the next event; `None` at the end of the run.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        while let Some(item) = self.events.next().await {
            match item.with_context(|| format!("{}: lost its ears", self.name))? {
                Item::Event(delivery) => return Ok(Some(delivery.event().clone())),
                Item::Gap(gap) => anyhow::bail!("{}: something is missing: {}", self.name, gap.reason),
                Item::CaughtUp(_) => {}
                Item::End(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Waits for an event of a type.
    pub(crate) async fn wait_for(&mut self, ty: &str) -> anyhow::Result<Event> {
        while let Some(event) = self.next().await? {
            if event.ty() == ty {
                return Ok(event);
            }
        }
        anyhow::bail!("{}: the run ended before {ty} came", self.name)
    }

    /// Waits for the next request to this agent; `None` at the end of the run.
    pub(crate) async fn request(&mut self) -> anyhow::Result<Option<Request>> {
        while let Some(event) = self.next().await? {
            if event.ty() != A2aRequest::TYPE {
                continue;
            }
            let data: A2aRequest = event.data_as()?;
            if data.to.as_deref() != Some(self.name) {
                continue;
            }
            let (_, part) = event.subject().unwrap_or("").split_once('/').unwrap_or_default();
            return Ok(Some(Request {
                id: data.request_id.unwrap_or_default(),
                from: data.from.unwrap_or_default(),
                method: data.method.unwrap_or_default(),
                payload: data.payload.unwrap_or_default(),
                part: part.to_owned(),
            }));
        }
        Ok(None)
    }

    /// Waits for the answer to a request.
    pub(crate) async fn response(&mut self, request: &str) -> anyhow::Result<serde_json::Value> {
        loop {
            let event = self.wait_for(A2aResponse::TYPE).await?;
            if event.correlationid() == Some(request) {
                let data: A2aResponse = event.data_as()?;
                return Ok(data.payload.unwrap_or_default());
            }
        }
    }
}
