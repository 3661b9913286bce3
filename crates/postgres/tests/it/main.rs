//! Outbox, inbox and database worker against a real PostgreSQL.
#![allow(clippy::unwrap_used)]

mod database;
mod faults;
mod inbox;
mod kill;
mod migrations;
mod order;
mod poison;
mod relays;
mod support;
