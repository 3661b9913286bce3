//! The store over a real server, where it is more than its contract.
#![allow(missing_docs, clippy::unwrap_used)]

mod harm;
#[path = "../kit/mod.rs"]
mod kit;
mod metrics;
mod open;
mod several;
mod tls;
