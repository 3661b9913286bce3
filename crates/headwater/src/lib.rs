//! The event backbone for agent and workflow runs.
//!
//! > Publish a run's events once. Stream them to any screen, and resume exactly where it left off.
//!
//! One program, any place to keep events: the URL decides.
//!
//! | URL | where events live |
//! |---|---|
//! | `memory:` | in this process, gone with it |
//! | `embedded:./data` | in a folder that this process owns, on disk before `publish` answers |
//! | `redis://host:6379` | in Redis or Valkey (feature `redis`) |
//! | `nats://host:4222` | in NATS JetStream (feature `nats`) |
//! | `kafka://host:9092` | in Apache Kafka (feature `kafka`) |
//! | `http://host:7420` | in a running Headwater |
//!
//! # A run, from the first event to the last
//! ```
//! use headwater::{Event, EventPublisher, EventSubscriber, Item, Scope, Subscription, Tenant};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = headwater::connect("memory:").await?;
//!
//! // Subscribe, then act: the subscription is live when the call returns.
//! let run = Scope::Stream(Tenant::default(), "wf-42".parse()?);
//! let mut events = broker.subscribe(Subscription::new(run)).await?;
//!
//! // `publish` returns once the log has stored the events.
//! for ty in ["workflow.started.v1", "workflow.completed.v1"] {
//!     let event = Event::builder("/agents/coordinator", ty).subject("wf-42").data(&serde_json::json!({})).build()?;
//!     broker.publish(&[event]).await?;
//! }
//!
//! let mut seen = Vec::new();
//! while let Some(item) = events.next().await {
//!     match item? {
//!         Item::Event(delivery) => seen.push(delivery.event().ty().to_owned()),
//!         Item::End(_) => break,
//!         Item::Gap(gap) => panic!("something is missing: {}", gap.reason),
//!         Item::CaughtUp(_) => {}
//!     }
//! }
//! assert_eq!(seen, ["workflow.started.v1", "workflow.completed.v1"]);
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Opening the door
//! The embedded log has one owning process. [`serve`] lets others reach it: browsers, and programs in any language.
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = headwater::connect("memory:").await?;
//! let server = headwater::serve(broker, "127.0.0.1:0").await?;
//! println!("curl -N -H 'Accept: text/event-stream' {}/v1/streams/wf-42/events", server.url());
//! server.shutdown().await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```

mod connect;
mod ext;
pub mod mirror;
mod serve;
mod url;

pub use connect::{ConnectError, ConnectOptions, connect, connect_with};
pub use ext::{EventPublisherExt, EventSubscriberExt};
pub use mirror::mirror;
pub use serve::{ServeError, Server, authority, serve, serve_guarded, serve_with};
pub use url::{BrokerUrl, UrlError};

pub use headwater_broker::{
    AfterDeadLetter, BlockingEvents, Broker, BrokerConfig, Capabilities, ConsumerGroups, DeadLetter,
    DeadLetterFilter, Delivery, Error, EventBroker, EventPublisher, EventStream, EventSubscriber, Fetch,
    Fetched, Gap, Group, GroupConfig, GroupGap, GroupInfo, Item, Lag, Lease, Leased, Overflow, OverflowError,
    Page, Policy, Polled, Published, Refused, Settlement, Source, Start, Status, StatusKind, StreamInfo,
    Subscription, Verdict, WorkerInfo, WorkerName, wire,
};
pub use headwater_bus::{
    self as bus, DiagnosticsConfig, Emitter, EmitterError, EmitterHandle, EmitterOptions, EventBus,
    EventBusConfig, EventEmitter, EventHub, EventHubMetrics, EventSink, PublisherManager, SinkConfig,
    SinkError, SinkHealth, SpoolOptions, WhenFull,
};
pub use headwater_client::{HttpBroker, HttpOptions};
pub use headwater_embedded::{EmbeddedOptions, EmbeddedStore, Fsync};
pub use headwater_events::{
    Class, Code, Cursor, CursorError, Data, Event, EventError, Filter, FilterError, GroupName, NameError,
    Position, Scope, StreamName, Tenant,
    catalogue::{self, EventType},
    dialect, run_state,
};
pub use headwater_gateway::{
    AuthConfig, Authority, Gateway, GatewayConfig, Grant, Key, KeyFile, KeyFileError, Monitor, Right,
};
#[cfg(feature = "kafka")]
pub use headwater_kafka::{KafkaOptions, KafkaStore};
#[cfg(feature = "nats")]
pub use headwater_nats::{NatsOptions, NatsStore};
#[cfg(feature = "postgres")]
pub use headwater_postgres::{self as postgres, Inbox, Outbox};
#[cfg(feature = "redis")]
pub use headwater_redis::{RedisOptions, RedisStore};
pub use headwater_runtime::{
    self as runtime, App, AppRunner, ChatStep, Checkpoints, END, FnStep, Graph, GraphBuilder, GraphError,
    InvocationHandle, Node, NodeContext, NodeError, NodeOptions, Reducer, Retry, RunError, RunOutcome,
    RuntimeConfig, START, State, Step, StepContext, Tool, Update, chat,
};
pub use headwater_store::{
    Clock, Error as StoreError, EventLog, GapReason, Limits, MemoryOptions, MemoryStore, Record, Retention,
    RunState, Store, SystemClock,
};

pub use headwater_worker::{
    self as worker, Context, Failure, Handler, Outcome, Routes, Worker, WorkerSet, handler_fn,
};

/// The snippets of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// So are those of the guide to workers.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/workers.md")]
struct WorkersGuide;

/// So are those of the guide to steps and graphs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/runtime.md")]
struct RuntimeGuide;

/// So are those of the guide to the bus.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/bus.md")]
struct BusGuide;

/// So are those of the guide to the mirror.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/mirror.md")]
struct MirrorGuide;
