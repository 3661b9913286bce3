//! Where the events of a piece of work go.

use std::sync::Arc;

use headwater_broker::Published;
use headwater_bus::{EmitterError, EmitterHandle, PublisherManager};
use headwater_events::{
    Event, EventType, StreamName, Tenant,
    catalogue::{Fraction, Progress},
};
use tokio_util::sync::CancellationToken;

use crate::metric_definitions as m;

/// Where the events of a piece of work go, and what they say of it: the run, the part of it, the source.
///
/// Cloning is cheap. [`StepContext::part`] gives the context of a part of this one.
#[derive(Debug, Clone)]
pub struct StepContext {
    emitter: EmitterHandle,
    /// Topics of steps, beside the run's own stream.
    topics: Vec<PublisherManager>,
    place: Arc<Place>,
    token: CancellationToken,
}

#[derive(Debug, Clone)]
struct Place {
    run: StreamName,
    tenant: Tenant,
    subject: String,
    source: String,
    /// The session of the conversation, where there is one.
    session: Option<String>,
}

impl StepContext {
    /// A context outside any graph: events go through `emitter` into the stream `run`.
    #[must_use]
    pub fn new(emitter: EmitterHandle, run: StreamName, source: impl Into<String>) -> Self {
        let place = Place {
            subject: run.to_string(),
            run,
            tenant: Tenant::default(),
            source: source.into(),
            session: None,
        };
        Self { emitter, topics: Vec::new(), place: Arc::new(place), token: CancellationToken::new() }
    }

    /// Works for another tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: Tenant) -> Self {
        Arc::make_mut(&mut self.place).tenant = tenant;
        self
    }

    /// Names the session that its model answers belong to.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.place).session = Some(session.into());
        self
    }

    /// Stops with this token.
    #[must_use]
    pub fn with_token(mut self, token: CancellationToken) -> Self {
        self.token = token;
        self
    }

    /// Emits as another source.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.place).source = source.into();
        self
    }

    /// Tells of another part of the run.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.place).subject = subject.into();
        self
    }

    /// The context of a part of this one: its subject is one segment longer.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        let mut part = self.clone();
        let place = Arc::make_mut(&mut part.place);
        place.subject = format!("{}/{name}", place.subject);
        part
    }

    /// The same, for events that go to these topics too.
    #[must_use]
    pub fn also(&self, topics: &PublisherManager) -> Self {
        let mut also = self.clone();
        if !topics.is_empty() {
            also.topics.push(topics.clone());
        }
        also
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &StreamName {
        &self.place.run
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.place.tenant
    }

    /// The subject of its events.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.place.subject
    }

    /// The source of its events.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.place.source
    }

    /// The session, where there is one.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.place.session.as_deref()
    }

    /// Cancelled when this piece of work is to stop.
    #[must_use]
    pub const fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Where its events go.
    #[must_use]
    pub const fn emitter(&self) -> &EmitterHandle {
        &self.emitter
    }

    /// Emits, and waits for room where the queue is full. It never fails: what is left out is counted, logged, and told in
    /// the stream.
    pub async fn emit<T: EventType>(&self, payload: &T) {
        if let Some(event) = self.event(payload) {
            self.emit_event(event).await;
        }
    }

    /// As [`StepContext::emit`], without waiting.
    ///
    /// # Errors
    /// Why it was not admitted; the topics of steps have it all the same. Nothing was counted or told.
    pub fn try_emit<T: EventType>(&self, payload: &T) -> Result<(), EmitterError> {
        let event = self.build(payload)?;
        for topics in &self.topics {
            topics.publish_blind(&event);
        }
        self.emitter.emit(event)
    }

    /// Emits and waits until the log has stored the event.
    ///
    /// # Errors
    /// It was not stored.
    pub async fn publish<T: EventType>(&self, payload: &T) -> Result<Published, EmitterError> {
        let event = self.build(payload)?;
        for topics in &self.topics {
            topics.publish_blind_async(&event).await;
        }
        self.emitter.publish(event).await
    }

    /// Emits an event that was made elsewhere, as [`StepContext::emit`] does.
    pub async fn emit_event(&self, event: Event) {
        for topics in &self.topics {
            topics.publish_blind_async(&event).await;
        }
        if let Err(error) = self.emitter.emit_async(event.clone()).await {
            metrics::counter!(m::EMIT_ERRORS, "code" => error.code().to_owned()).increment(1);
            tracing::warn!(run = %self.place.run, ty = event.ty(), "not emitted: {error}");
            self.emitter.left_out(&event, error.code());
        }
    }

    /// Says how far it is, from 0 to 1.
    pub async fn progress(&self, done: f64, message: impl Into<String>) {
        let progress = Progress::new().progress(Fraction::clamped(done)).message(message.into());
        self.emit(&progress).await;
    }

    fn build<T: EventType>(&self, payload: &T) -> Result<Event, EmitterError> {
        let place = &*self.place;
        let event = Event::of(place.source.as_str(), place.subject.as_str(), payload);
        Ok(event.tenant(&place.tenant).stream(&place.run).build()?)
    }

    /// The event of a payload. One that cannot be made is counted and logged.
    fn event<T: EventType>(&self, payload: &T) -> Option<Event> {
        match self.build(payload) {
            Ok(event) => Some(event),
            Err(error) => {
                metrics::counter!(m::EMIT_ERRORS, "code" => error.code().to_owned()).increment(1);
                tracing::warn!(run = %self.place.run, ty = T::TYPE, "not emitted: {error}");
                None
            }
        }
    }
}
