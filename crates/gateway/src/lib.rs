//! The HTTP door of a broker: publish, read, stream, health and metrics.
//!
//! ```text
//!  POST /v1/events                      CloudEvents in, cursors out, once stored
//!  GET  /v1/streams/{stream}/events     history then live (SSE), or a page of JSON
//!  GET  /v1/events                      the same for a tenant, or for several of its streams
//!  GET  /v1/streams                     runs and their state
//!  GET  /v1/streams/{stream}            one run; DELETE removes it
//!  GET  /v1/ws                          many subscriptions on one WebSocket
//!  POST /v1/tickets                     what a browser shows instead of a key
//!  GET  /healthz  /readyz  /metrics
//! ```
//!
//! [`Gateway`] stands over any [`EventBroker`](headwater_broker::EventBroker). [`Gateway::serve`] accepts connections
//! itself, so that every limit of a connection is ours; [`Gateway::router`] is for a program that has a server.
//!
//! No handler keeps more than one write's worth of a stream in memory: a body pulls from the broker when its socket
//! takes bytes, so that a slow reader costs nothing but its own place in the log.

mod app;
mod body;
mod config;
mod cors;
mod gateway;
mod groups;
mod health;
mod identity;
mod meters;
mod metric_definitions;
mod monitor;
mod page;
mod problem;
mod publish;
mod query;
mod serve;
mod sse;
mod streams;
mod tenant;
mod ws;

pub use config::GatewayConfig;
pub use gateway::{Error, Gateway};
pub use identity::{AuthConfig, Authority, FetchKeys, Grant, Key, KeyFile, KeyFileError, Right};
pub use meters::{METRICS, MetricDefinition, MetricKind};
pub use monitor::Monitor;
pub use problem::{CODES, Problem, ProblemCode};
