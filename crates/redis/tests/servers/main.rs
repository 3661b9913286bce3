//! The store over real servers, where it is more than its contract.
#![allow(missing_docs, clippy::unwrap_used)]

mod ahead;
#[path = "../common/mod.rs"]
mod common;
mod dialect;
mod lost;
mod metrics;
mod server;
mod tls;
