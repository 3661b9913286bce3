//! The suites of both contracts over a real Kafka. One program: what it links is large, and clauses that do harm take
//! turns in it.
#![allow(missing_docs, clippy::unwrap_used)]

mod broker;
#[path = "../kit/mod.rs"]
mod kit;
mod metrics;
mod store;
