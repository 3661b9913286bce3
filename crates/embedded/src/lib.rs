//! The embedded durable log: a whole store in a folder, owned by one process.
//!
//! ```text
//!  append ──► queue ──► one writer thread: one batch, one fsync for all who wait ──► answers, ring
//!
//!  bodies    tenant, stream, last position → events     a keyspace for each day
//!  deltas    tenant, stream, last position → events     a keyspace for each hour
//!  refs      tenant, last position → references         a keyspace for each day
//!            lane, tenant, last position → references
//!            position → commit record
//!  dedup     last position → fingerprints              a keyspace for each quarter of an hour
//!  runs · ended · gone · state · meta
//! ```
//!
//! * What one commit stores of a stream, a tenant or a lane is one value, under the last of its positions.
//! * An answer is durable unless [`Fsync`] says otherwise, and callers that wait together share one fsync.
//! * Retention moves a mark at once and drops whole keyspaces later: no tombstones.
//! * Every event has a checksum over its content and its place; positions are dense.
//! * The format is written down in the folder, and a folder of a newer format is refused untouched.

mod bodies;
mod buckets;
mod codec;
mod commit;
mod dedup;
mod engine;
mod faults;
mod folder;
mod gone;
mod keys;
mod late;
mod meta;
mod metric_definitions;
mod options;
mod read;
mod recent;
mod recover;
mod refs;
mod shared;
mod space;
mod state;
mod stats;
mod store;
mod value;
mod verify;
mod view;
mod writer;

pub use options::{EmbeddedOptions, Fsync, Reserve};
pub use stats::Stats;
pub use store::EmbeddedStore;
pub use verify::{Report, verify};
