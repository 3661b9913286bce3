//! Workers that everybody needs, each a group of its own: see `headwater worker`.
//!
//! | group | what it does |
//! |---|---|
//! | [`LOG_AGGREGATORS`] | [`logs`]: one line of JSON for each event, and an audit file |
//! | [`METRICS_COLLECTORS`] | [`metrics`]: counts, durations and failures for Prometheus |
//! | [`DB_WRITERS`] | the state of runs in PostgreSQL, in `headwater-postgres` |
//!
//! Screens are no group: a WebSocket or an `EventSource` is to see everything, from a cursor of its own, and so reads a
//! tail. `websocket_workers` would have shown each event to one screen.

pub mod logs;
pub mod metrics;

/// The group of the metrics worker.
pub const METRICS_COLLECTORS: &str = "metrics_collectors";
/// The group of the logs worker.
pub const LOG_AGGREGATORS: &str = "log_aggregators";
/// The group of the database worker.
pub const DB_WRITERS: &str = "db_writers";
