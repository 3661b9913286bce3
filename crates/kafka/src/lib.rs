//! A store over Apache Kafka 4.
//!
//! ```text
//!  append ──► one idempotent producer ──► topic: a partition for each lane, stamped by the server
//!                                           │
//!             followers, newest history ◄── one consumer for all partitions ──► records of runs
//!             older history ◄────────────── a few consumers that scan a lane
//!  state  ──► compacted topic of one partition ──► table in memory
//! ```
//!
//! * A position is a record's offset in its partition, plus one: each lane has a numbering of its own.
//! * Records are CloudEvents in structured mode, keyed by tenant and stream: any consumer can read the topic.
//! * A run is read from its first record on by scanning its lane within limits; the newest records are in memory.
//! * Retention is the topic's own. There is no dedup: an append that is sent again is stored again.
//! * The number of partitions is that of the lanes, for ever.

mod append;
mod aside;
mod body;
mod config;
mod context;
mod ends;
mod engine;
mod failure;
mod follow;
mod follower;
mod health;
mod keeper;
mod lane_log;
mod lasting;
mod metric_definitions;
mod names;
mod options;
mod producer;
mod random;
mod read;
mod runs;
mod state;
mod store;
mod topic;
mod url;

pub use options::{KafkaOptions, Mechanism, Secret, User};
pub use store::KafkaStore;
