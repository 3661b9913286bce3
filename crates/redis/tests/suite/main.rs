//! The suites of both contracts over real Redis and Valkey servers. One program: what it links is large, and clauses that do harm take
//! turns in it.
#![allow(missing_docs, clippy::unwrap_used)]

mod broker;
#[path = "../common/mod.rs"]
mod common;
mod store;
