//! How an app runs.

use std::{fmt, sync::Arc, time::Duration};

use headwater_broker::EventBroker;
use headwater_bus::{EventBusConfig, SinkConfig, sinks::MemorySink};
use headwater_events::StreamName;

/// How an [`App`](super::App) runs.
#[derive(Clone)]
pub struct RuntimeConfig {
    /// Emitters and sinks: by default a line for each event on standard output.
    pub event_bus: EventBusConfig,
    /// Where events live. None: in memory, gone with the app.
    pub broker: Option<Arc<dyn EventBroker>>,
    /// Whether a run can go on after a crash.
    pub checkpoints: Checkpoints,
    /// How long a process may be silent before another one may go on with its run: 10 s.
    pub lease: Duration,
    /// How many nodes of a step run at once: 64.
    pub concurrency: usize,
    /// How long nodes have to stop when the run is cancelled; then they are dropped: 5 s.
    pub cancel_grace: Duration,
    /// Whether the state is told: `state.snapshot` at the beginning and `state.delta` after each step.
    pub state_events: bool,
}

/// Whether a run can go on after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checkpoints {
    /// Where the broker is in this process and its store is durable.
    #[default]
    Auto,
    /// After every step.
    EveryStep,
    /// Never: no lease is taken either.
    Off,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            event_bus: EventBusConfig::default(),
            broker: None,
            checkpoints: Checkpoints::Auto,
            lease: Duration::from_secs(10),
            concurrency: 64,
            cancel_grace: Duration::from_secs(5),
            state_events: true,
        }
    }
}

impl RuntimeConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The defaults without any sink.
    #[must_use]
    pub fn silent() -> Self {
        Self { event_bus: EventBusConfig::silent(), ..Self::default() }
    }

    /// Puts events there.
    #[must_use]
    pub fn with_broker(mut self, broker: Arc<dyn EventBroker>) -> Self {
        self.broker = Some(broker);
        self
    }

    /// Configures the bus otherwise.
    #[must_use]
    pub fn with_event_bus(mut self, event_bus: EventBusConfig) -> Self {
        self.event_bus = event_bus;
        self
    }

    /// Adds a sink.
    #[must_use]
    pub fn with_sink(mut self, sink: SinkConfig) -> Self {
        self.event_bus = self.event_bus.with_sink(sink);
        self
    }

    /// Adds a sink in memory.
    #[must_use]
    pub fn with_memory_sink(self, sink: MemorySink) -> Self {
        self.with_sink(SinkConfig::memory(sink))
    }

    /// Stores checkpoints, or does not.
    #[must_use]
    pub fn with_checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = checkpoints;
        self
    }

    /// Sets how long a lease is.
    #[must_use]
    pub fn with_lease(mut self, length: Duration) -> Self {
        self.lease = length;
        self
    }

    /// Sets how long nodes have to stop.
    #[must_use]
    pub fn with_cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// Leaves the state untold.
    #[must_use]
    pub fn without_state_events(mut self) -> Self {
        self.state_events = false;
        self
    }
}

impl fmt::Debug for RuntimeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeConfig")
            .field("event_bus", &self.event_bus)
            .field("checkpoints", &self.checkpoints)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// What a run needs of it.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) concurrency: usize,
    pub(crate) cancel_grace: Duration,
    pub(crate) state_events: bool,
    pub(crate) max_event_bytes: usize,
    pub(crate) drain: Duration,
}

/// A name that no other run has.
///
/// # Panics
/// Never: such a name is one.
pub(super) fn new_run() -> StreamName {
    StreamName::new(format!("run-{}", uuid::Uuid::now_v7())).expect("letters, digits and dashes")
}
