//! Mirrors between brokers in this process and over HTTP.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod follow;
mod gaps;
mod http;
mod internal;
mod refused;
mod resume;
#[cfg(feature = "redis")]
mod seed;
#[cfg(any(feature = "redis", feature = "nats", feature = "kafka"))]
mod shared;
mod support;
mod whole;
