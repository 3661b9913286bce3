//! Emitters, sinks and subscriptions over one broker.

mod diagnose;
mod seats;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use headwater_broker::{Broker, BrokerConfig, EventBroker, EventStream, Subscription};
use headwater_store::{MemoryOptions, MemoryStore};
use tokio::runtime::Handle;

use crate::{
    Emitter, EmitterHandle, EmitterOptions, Error, EventBusConfig, EventEmitter, EventHub, EventHubMetrics,
    SinkConfig, SinkHealth,
    diagnostics::{DiagnosticStream, Diagnostics},
    emitter::Progress,
    sinks::SinkTask,
};
use seats::Seats;

/// Emitters, sinks and subscriptions over one broker.
///
/// Every event goes into the broker's log first; sinks and subscribers read it from there, wherever they are. Cloning
/// gives another handle to the same bus.
///
/// # Lifecycle
/// Emitters and subscriptions work from the beginning. [`EventBus::start`] starts the sinks: they get everything that was
/// published since the bus was made. [`EventBus::stop`] drains them; started again, they go on where they were.
/// [`EventBus::close`] ends the emitters as well. Dropping the last handle stops everything without waiting: what was
/// admitted is still published as long as the async runtime lives.
#[derive(Clone)]
pub struct EventBus(Arc<Inner>);

struct Inner {
    hub: EventHub,
    config: EventBusConfig,
    runtime: Handle,
    diagnostics: Diagnostics,
    progress: Arc<Progress>,
    emitters: Mutex<Vec<Weak<Emitter>>>,
    own: Arc<Emitter>,
    seats: tokio::sync::Mutex<Seats>,
    /// The bus opened the broker and closes it.
    owns_broker: bool,
}

impl EventBus {
    /// A bus over an open broker. It is made inside the Tokio runtime in which its tasks are to run.
    ///
    /// # Errors
    /// The broker cannot be reached, or the configuration cannot work.
    pub async fn new(broker: Arc<dyn EventBroker>, config: EventBusConfig) -> Result<Self, Error> {
        Self::make(broker, config, false).await
    }

    /// A bus over a memory store of its own, for tests and small programs. [`EventBus::close`] closes the store too.
    ///
    /// # Errors
    /// The configuration cannot work.
    pub async fn memory(config: EventBusConfig) -> Result<Self, Error> {
        let store = MemoryStore::new(MemoryOptions::default());
        let broker = Broker::open(Arc::new(store), BrokerConfig::default()).await?;
        Self::make(Arc::new(broker), config, true).await
    }

    async fn make(broker: Arc<dyn EventBroker>, config: EventBusConfig, owns: bool) -> Result<Self, Error> {
        if config.buffer_capacity == 0 {
            return Err(Error::Config { detail: "`buffer_capacity` must be at least 1".to_owned() });
        }
        crate::metric_definitions::describe();
        let hub = EventHub::new(Arc::clone(&broker), &config);
        let begin = hub.cursor().await?;
        let runtime = Handle::current();
        let diagnostics = Diagnostics::new(config.diagnostics.capacity, Arc::clone(&config.clock));
        let progress = Arc::<Progress>::default();
        let options = EmitterOptions { spool: config.spool.clone(), ..config.emitter_options("bus") };
        let publisher = publisher(&broker);
        let own = Emitter::spawn(publisher, options, diagnostics.clone(), Arc::clone(&progress), &runtime);
        if let Some(stream) = &config.diagnostics.stream {
            diagnose::forward(diagnostics.subscribe(), stream.clone(), Arc::clone(&broker), &runtime);
        }
        let seats = Seats::new(&config, &begin);
        Ok(Self(Arc::new(Inner {
            hub,
            config,
            runtime,
            diagnostics,
            progress,
            emitters: Mutex::default(),
            own,
            seats: tokio::sync::Mutex::new(seats),
            owns_broker: owns,
        })))
    }

    /// The hub: publishing with an answer, and reading.
    #[must_use]
    pub fn hub(&self) -> &EventHub {
        &self.0.hub
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &EventBusConfig {
        &self.0.config
    }

    /// The bus's own emitter, which all callers share: their events are in one order.
    #[must_use]
    pub fn emitter(&self) -> EmitterHandle {
        Arc::<Emitter>::clone(&self.0.own)
    }

    /// A new emitter with a queue of its own, so that a flood elsewhere takes none of its room.
    #[must_use]
    pub fn emitter_with(&self, options: EmitterOptions) -> Arc<Emitter> {
        let inner = &*self.0;
        let emitter = Emitter::spawn(
            publisher(inner.hub.broker()),
            options,
            inner.diagnostics.clone(),
            Arc::clone(&inner.progress),
            &inner.runtime,
        );
        let mut emitters = self.emitters();
        emitters.retain(|emitter| emitter.strong_count() > 0);
        emitters.push(Arc::downgrade(&emitter));
        emitter
    }

    /// Everything of the tenant that is published from now on; see [`EventHub::subscribe`].
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub async fn subscribe(&self) -> Result<EventStream, Error> {
        Ok(self.0.hub.subscribe().await?)
    }

    /// What a subscription asks for: one run, several, from the beginning, filtered.
    ///
    /// # Errors
    /// As [`EventSubscriber::subscribe`](headwater_broker::EventSubscriber::subscribe).
    pub async fn subscribe_to(&self, subscription: Subscription) -> Result<EventStream, Error> {
        Ok(self.0.hub.broker().subscribe(subscription).await?)
    }

    /// Starts the sinks that do not run yet: each has one worker, however often this is called.
    ///
    /// # Errors
    /// [`Error::Sink`] names the first that cannot be opened; those before it run.
    pub async fn start(&self) -> Result<(), Error> {
        self.0.seats.lock().await.start(&self.0.hub, &self.0.diagnostics, &self.0.runtime).await
    }

    /// Adds a sink, which gets what is published from now on; one of the same name is replaced. It runs at once where
    /// the others do.
    ///
    /// # Errors
    /// As [`EventBus::start`].
    pub async fn add_sink(&self, sink: SinkConfig) -> Result<(), Error> {
        let now = self.0.hub.cursor().await?;
        let mut seats = self.0.seats.lock().await;
        seats.add(sink, now);
        if seats.started() {
            seats.start(&self.0.hub, &self.0.diagnostics, &self.0.runtime).await
        } else {
            Ok(())
        }
    }

    /// Runs a sink over a stream of its own, such as one run, to the stream's end.
    ///
    /// # Errors
    /// [`Error::Sink`] where it cannot be opened.
    pub async fn drive(&self, sink: SinkConfig, events: EventStream) -> Result<SinkTask, Error> {
        seats::drive(&sink, events, &self.0.diagnostics, &self.0.runtime).await
    }

    /// Drains: what was emitted before is in the log, and every sink has taken it and is flushed. Then the sinks stop.
    /// Emitters and subscriptions go on. Stopping twice is the same as once.
    ///
    /// # Errors
    /// [`Error::NotDrained`]: the sinks are stopped all the same, and go on from where they were when they are started.
    pub async fn stop(&self) -> Result<(), Error> {
        let patience = self.0.config.drain_timeout;
        let stored = self.flush(patience).await;
        let taken = self.0.seats.lock().await.stop(&self.0.hub, &self.0.progress, patience).await;
        let left: Vec<String> = stored.err().into_iter().chain(taken).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(Error::NotDrained { waited: patience, left: left.join("; ") })
    }

    /// Stops as [`EventBus::stop`], ends every emitter, and closes the broker where the bus opened it.
    ///
    /// # Errors
    /// As [`EventBus::stop`]. Everything is closed all the same.
    pub async fn close(&self) -> Result<(), Error> {
        let stopped = self.stop().await;
        let patience = self.0.config.drain_timeout;
        for emitter in self.alive() {
            // What was left was told by `stop`, or came since.
            if let Err(status) = emitter.close(patience).await {
                tracing::warn!(queued = status.queued, "an emitter was closed with events in it");
            }
        }
        if self.0.owns_broker {
            self.0.hub.broker().close().await?;
        }
        stopped
    }

    /// How the sinks are doing, in the order of the configuration.
    pub async fn sink_health(&self) -> Vec<SinkHealth> {
        self.0.seats.lock().await.health()
    }

    /// What the bus says about itself from now on.
    #[must_use]
    pub fn diagnostics(&self) -> DiagnosticStream {
        self.0.diagnostics.subscribe()
    }

    /// Counts over all emitters of the bus.
    #[must_use]
    pub fn metrics(&self) -> EventHubMetrics {
        let alive = self.alive();
        let statuses: Vec<_> = alive.iter().map(|emitter| emitter.status()).collect();
        EventHubMetrics {
            capacity: self.0.config.buffer_capacity,
            queued: statuses.iter().map(|status| status.queued).sum(),
            dropped: statuses.iter().map(|status| status.dropped).sum(),
        }
    }

    async fn flush(&self, patience: Duration) -> Result<(), String> {
        let mut late = 0;
        for emitter in self.alive() {
            if tokio::time::timeout(patience, emitter.flush()).await.is_err() {
                late += emitter.status().queued;
            }
        }
        if late == 0 { Ok(()) } else { Err(format!("{late} events of emitters are not stored")) }
    }

    fn alive(&self) -> Vec<Arc<Emitter>> {
        let own = Arc::clone(&self.0.own);
        let others = self.emitters().iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
        std::iter::once(own).chain(others).collect()
    }

    fn emitters(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Emitter>>> {
        // Nothing under this lock can panic half-way through a change.
        self.0.emitters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn publisher(broker: &Arc<dyn EventBroker>) -> Arc<dyn headwater_broker::EventPublisher> {
    Arc::<dyn EventBroker>::clone(broker)
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus").field("config", &self.0.config).finish_non_exhaustive()
    }
}
