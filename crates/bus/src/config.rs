//! How a bus is made.

use std::{fmt, sync::Arc, time::Duration};

use headwater_events::{StreamName, Tenant};
use headwater_store::{Clock, SystemClock};

use crate::{EmitterOptions, SinkConfig, SpoolOptions, WhenFull};

/// How an [`EventBus`](crate::EventBus) is made.
///
/// ```
/// use headwater_bus::{EventBusConfig, SinkConfig};
/// let config = EventBusConfig::default(); // lines on standard output
/// assert_eq!((config.buffer_capacity, config.sinks.len()), (1024, 1));
/// let config = EventBusConfig::silent().with_sink(SinkConfig::json_lines("/tmp/events.jsonl"));
/// assert_eq!(config.sinks.len(), 1);
/// ```
#[derive(Clone)]
pub struct EventBusConfig {
    /// How many events the queue of each emitter has room for: 1,024.
    pub buffer_capacity: usize,
    /// Where events go beside the log: by default to standard output, a line each.
    pub sinks: Vec<SinkConfig>,
    /// What happens when an emitter's queue is full.
    pub when_full: WhenFull,
    /// Where events of the bus's own emitter go while the store is away and its queue is full.
    pub spool: Option<SpoolOptions>,
    /// The tenant whose events the bus reads.
    pub tenant: Tenant,
    /// How long [`EventBus::stop`](crate::EventBus::stop) waits for emitters and sinks: 5 s each.
    pub drain_timeout: Duration,
    /// What the bus says about itself.
    pub diagnostics: DiagnosticsConfig,
    /// Where the time of diagnostics comes from.
    pub clock: Arc<dyn Clock>,
}

/// What a bus says about itself.
#[derive(Debug, Clone)]
pub struct DiagnosticsConfig {
    /// How many diagnostics are kept for a listener that is slow: 256.
    pub capacity: usize,
    /// Where they are published as `diagnostic.message` too.
    pub stream: Option<StreamName>,
}

impl Default for DiagnosticsConfig {
    fn default() -> Self {
        Self { capacity: 256, stream: None }
    }
}

impl Default for EventBusConfig {
    fn default() -> Self {
        Self::silent().with_stdout()
    }
}

impl EventBusConfig {
    /// The defaults without any sink.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            buffer_capacity: 1024,
            sinks: Vec::new(),
            when_full: EmitterOptions::default().when_full,
            spool: None,
            tenant: Tenant::default(),
            drain_timeout: Duration::from_secs(5),
            diagnostics: DiagnosticsConfig::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Standard output and nothing else.
    #[must_use]
    pub fn with_stdout_only(mut self) -> Self {
        self.sinks.clear();
        self.with_stdout()
    }

    /// Adds standard output.
    #[must_use]
    pub fn with_stdout(self) -> Self {
        self.with_sink(SinkConfig::stdout())
    }

    /// Adds a sink. One of the same name is replaced.
    #[must_use]
    pub fn with_sink(mut self, sink: SinkConfig) -> Self {
        self.sinks.retain(|have| have.name != sink.name);
        self.sinks.push(sink);
        self
    }

    /// Sets the room of each emitter's queue.
    #[must_use]
    pub fn buffer_capacity(mut self, events: usize) -> Self {
        self.buffer_capacity = events;
        self
    }

    /// Sets what happens when an emitter's queue is full.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets the tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenant = tenant;
        self
    }

    /// Publishes diagnostics in a stream too.
    #[must_use]
    pub fn diagnostics_to(mut self, stream: StreamName) -> Self {
        self.diagnostics.stream = Some(stream);
        self
    }

    /// What an emitter of this bus is made with.
    #[must_use]
    pub fn emitter_options(&self, name: impl Into<String>) -> EmitterOptions {
        EmitterOptions {
            name: name.into(),
            capacity: self.buffer_capacity,
            when_full: self.when_full,
            ..EmitterOptions::default()
        }
    }
}

impl fmt::Debug for EventBusConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBusConfig")
            .field("buffer_capacity", &self.buffer_capacity)
            .field("sinks", &self.sinks.iter().map(|sink| &sink.name).collect::<Vec<_>>())
            .field("when_full", &self.when_full)
            .finish_non_exhaustive()
    }
}
