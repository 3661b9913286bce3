//! The store over a real server, where it is more than its contract.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../kit/mod.rs"]
mod kit;
mod reading;
mod silence;
mod tls;
mod topics;
