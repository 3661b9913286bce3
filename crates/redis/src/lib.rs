//! The store over Redis 6.2 to 8, and Valkey: one primary, with replicas and Sentinel where it must fail over.
//!
//! ```text
//!  <namespace>:meta            epoch, lanes, last position, which start of which server
//!  …:s:<tenant>:<stream>:d|t|i bodies, by class: durable, transient, internal
//!  …:t:<tenant>  …:l:<lane>    references to durable events
//!  …:f:<tenant>  …:ta          the feed: references to all events, capped; tenants as they arrive
//!  …:o:d  …:o:t                the order of everything, for retention
//!  …:r:<tenant>  …:n:<tenant>  records of runs; their names in order
//!  …:g:<tenant>  …:m           what is gone; up to where something is missing
//!  …:d:<n>                     fingerprints of the dedup window
//!  …:v  …:k                    state; its keys in order
//! ```
//!
//! * One script stores what several callers wait for: it checks, numbers, recognizes duplicates and writes every place,
//!   or takes back what it did. A position is a microsecond of the server's clock or the number behind the last one.
//! * Events of one stream and class that are stored together are one entry under the position of the last; references
//!   name that entry.
//! * Blocking reads have a connection of their own. What is lost is made again with growing pauses.
//! * A server that was started anew without its newest entries gives their positions to nobody, and readers that cross
//!   the place are told.

#[cfg(feature = "bench")]
pub mod bench;
mod body;
mod checks;
mod connect;
mod dialect;
mod failure;
mod follow;
mod hello;
mod link;
mod metric_definitions;
mod options;
mod pack;
mod read;
mod reply;
mod retention;
mod run;
mod script;
mod state;
mod store;
mod tail;
mod target;
mod writer;

pub use dialect::PlainStreams;
pub use options::RedisOptions;
pub use store::RedisStore;
