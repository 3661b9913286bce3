//! One event to many publishers.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use futures_util::future::join_all;
use headwater_broker::Published;
use headwater_events::{Event, Filter};

use crate::{EmitterError, EmitterHandle, EventEmitter, metric_definitions as m};

/// One event to many publishers: a route is a topic's name, a filter and a publisher. An event goes to every route whose
/// filter it passes; a topic may have many publishers.
///
/// Publishers are emitters ([`Emitter::new`](crate::Emitter::new) makes one over any broker), so that a slow one holds up
/// nobody. The manager is an emitter itself. An event that no route wants is no error. Cloning gives another handle to the
/// same routes.
#[derive(Debug, Clone, Default)]
pub struct PublisherManager {
    routes: Arc<RwLock<Vec<Route>>>,
}

#[derive(Debug, Clone)]
struct Route {
    topic: String,
    filter: Filter,
    publisher: EmitterHandle,
}

/// Some publishers did not take an event.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{} of {routes} routes failed, the first, `{}`: {}", failed.len(), failed[0].0, failed[0].1)]
pub struct PublishError {
    /// How many routes wanted the event.
    pub routes: usize,
    /// Which failed, by topic, and why. At least one.
    pub failed: Vec<(String, EmitterError)>,
}

impl PublisherManager {
    /// A manager without routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a publisher to a topic for every event.
    pub fn register(&self, topic: impl Into<String>, publisher: EmitterHandle) {
        self.route(topic, Filter::all(), publisher);
    }

    /// Adds a publisher to a topic for the events that pass the filter.
    pub fn route(&self, topic: impl Into<String>, filter: Filter, publisher: EmitterHandle) {
        let route = Route { topic: topic.into(), filter, publisher };
        self.write().push(route);
    }

    /// Takes a topic with all its publishers out. Gives how many there were.
    pub fn unregister(&self, topic: &str) -> usize {
        let mut routes = self.write();
        let before = routes.len();
        routes.retain(|route| route.topic != topic);
        before - routes.len()
    }

    /// The topics, in the order in which they came.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        let routes = self.read();
        let mut topics: Vec<String> = Vec::new();
        for route in routes.iter() {
            if !topics.contains(&route.topic) {
                topics.push(route.topic.clone());
            }
        }
        topics
    }

    /// Publishes to every route and waits until all have stored the event. The answers are by topic, in the order of
    /// the routes.
    ///
    /// # Errors
    /// Some routes failed; the others have the event.
    pub async fn publish_all(&self, event: &Event) -> Result<Vec<(String, Published)>, PublishError> {
        let routes = self.wanted(event);
        let publish = |route: &Route| {
            let (publisher, event) = (EmitterHandle::clone(&route.publisher), event.clone());
            async move { publisher.publish(event).await }
        };
        let answers = join_all(routes.iter().map(publish)).await;
        let (mut published, mut failed) = (Vec::new(), Vec::new());
        let count = routes.len();
        for (route, answer) in routes.into_iter().zip(answers) {
            match answer {
                Ok(answer) => published.push((route.topic, answer)),
                Err(error) => failed.push((route.topic, error)),
            }
        }
        if failed.is_empty() { Ok(published) } else { Err(PublishError { routes: count, failed }) }
    }

    /// Hands the event to every route. A failure is counted and logged, and the route's stream tells what it missed; it
    /// never reaches the caller.
    pub fn publish_blind(&self, event: &Event) {
        for route in self.wanted(event) {
            if let Err(error) = route.publisher.emit(event.clone()) {
                blind(&route, event, &error);
            }
        }
    }

    /// As [`PublisherManager::publish_blind`], but waits for room as the publishers' policies say.
    pub async fn publish_blind_async(&self, event: &Event) {
        for route in self.wanted(event) {
            if let Err(error) = route.publisher.emit_async(event.clone()).await {
                blind(&route, event, &error);
            }
        }
    }

    /// Whether there are no routes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Route>> {
        // Nothing under this lock can panic half-way through a change.
        self.routes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Route>> {
        self.routes.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self, event: &Event) -> Vec<Route> {
        let routes = self.read();
        routes.iter().filter(|route| route.filter.matches(event)).cloned().collect()
    }
}

fn blind(route: &Route, event: &Event, error: &EmitterError) {
    metrics::counter!(m::BLIND_ERRORS, "topic" => route.topic.clone()).increment(1);
    tracing::warn!(topic = route.topic, ty = event.ty(), stream = event.stream(), "not published: {error}");
    route.publisher.left_out(event, error.code());
}

/// The first error of a route is the answer; the other routes have the event all the same.
#[async_trait]
impl EventEmitter for PublisherManager {
    fn emit(&self, event: Event) -> Result<(), EmitterError> {
        let answers = self.wanted(&event).into_iter().map(|route| route.publisher.emit(event.clone()));
        answers.fold(Ok(()), Result::and)
    }

    async fn emit_async(&self, event: Event) -> Result<(), EmitterError> {
        let mut outcome = Ok(());
        for route in self.wanted(&event) {
            outcome = outcome.and(route.publisher.emit_async(event.clone()).await);
        }
        outcome
    }

    /// The answer is that of the first route.
    async fn publish(&self, event: Event) -> Result<Published, EmitterError> {
        let published = self.publish_all(&event).await.map_err(|error| {
            error.failed.into_iter().next().map_or(EmitterError::Unknown, |(_, error)| error)
        })?;
        published.into_iter().next().map(|(_, published)| published).ok_or(EmitterError::Closed)
    }

    async fn flush(&self) -> Result<(), EmitterError> {
        let routes: Vec<Route> = self.read().clone();
        let mut outcome = Ok(());
        for route in routes {
            outcome = outcome.and(route.publisher.flush().await);
        }
        outcome
    }

    fn left_out(&self, event: &Event, reason: &str) {
        for route in self.wanted(event) {
            route.publisher.left_out(event, reason);
        }
    }
}
