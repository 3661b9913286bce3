//! Streams of server-sent events: history, then live.

mod frame;
mod open;
mod reader;
mod routes;

pub(crate) use routes::{stream_events, tenant_events};
