//! The suite of the store contract over a real Redis 8 (appendonly yes, appendfsync always).
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

headwater_store::store_suite!(common::Place::on("redis-server-8"));
