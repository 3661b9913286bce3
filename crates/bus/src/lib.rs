//! In process: the way of an event from the code that emits it into the log, and from the log to sinks.
//!
//! ```text
//!  emit ──► bounded queue ──► batches ──► broker.publish ──► log ──► hub ──► subscribers
//!           (one an emitter)   in order                              └────► sinks
//! ```
//!
//! * [`EventBus`]: emitters, sinks and subscriptions over one broker.
//! * [`EventEmitter`]: `emit` admits or says why not, `emit_async` waits for room, `publish` waits for the log.
//! * [`PublisherManager`]: one event to many publishers, by routes.
//! * [`EventSink`]: where events go that a program does not read itself.
//!
//! ```
//! use headwater_bus::{EventBus, EventBusConfig, SinkConfig, sinks::MemorySink};
//! use headwater_events::{Event, catalogue::NodeMessage};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = MemorySink::new(100);
//! let config = EventBusConfig::silent().with_sink(SinkConfig::memory(memory.clone()));
//! let bus = EventBus::memory(config).await?;
//! bus.start().await?;
//!
//! let emitter = bus.emitter();
//! emitter.emit(Event::of("/nodes/a", "wf-1", &NodeMessage::new("hello")).build()?)?;
//!
//! bus.stop().await?; // what was emitted is in the log, and the sinks have it
//! assert_eq!(memory.events().len(), 1);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

mod bus;
mod config;
mod diagnostics;
pub mod emitter;
mod error;
mod feed;
mod hub;
mod manager;
pub mod metric_definitions;
pub mod sinks;

pub use bus::EventBus;
pub use config::{DiagnosticsConfig, EventBusConfig};
pub use diagnostics::{Diagnostic, DiagnosticKind, DiagnosticStream, Part};
pub use emitter::{
    Emitter, EmitterError, EmitterHandle, EmitterOptions, EmitterStatus, EventEmitter, SpoolOptions, WhenFull,
};
pub use error::Error;
pub use headwater_broker::EventStream;
pub use hub::{EventHub, EventHubMetrics};
pub use manager::{PublishError, PublisherManager};
pub use sinks::{EventSink, SinkConfig, SinkError, SinkHealth, SinkState};
