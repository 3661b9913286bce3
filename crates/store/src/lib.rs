//! The store contract: where events live.
//!
//! A store is an append-only log ([`EventLog`]) and a small table of state ([`StateStore`]). That is all a backend
//! has to get right; subscriptions, filters, groups and dead letters are built once above it, in the broker.
//!
//! ```text
//!  append ──► position 1 2 3 4 5 6 7 …            grows over the whole log, never reused
//!             stream a  ●   ●     ●
//!             stream b    ●   ● ●     …
//!             read(scope, after) ──► history, in order          follow(scope, after) ──► the same, as it grows
//! ```
//!
//! The suite in `suite` (feature `test-util`) tests every clause that is written on the traits.

mod backoff;
pub mod capabilities;
mod clock;
pub mod connection;
pub mod error;
mod gap;
mod log;
mod memory;
mod record;
mod retention;
pub mod ring;
mod run;
pub mod state;
#[cfg(feature = "test-util")]
pub mod suite;

pub use backoff::{Backoff, Waits};
pub use capabilities::Capabilities;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::Error;
pub use gap::{Gap, GapReason};
pub use headwater_events::{Class, Classes, Epoch, Event, Lane, Mark, Place, Position, StreamName, Tenant};
pub use log::{
    Append, Appended, ClassesKey, EventLog, Follow, FollowItem, FollowScope, Page, ReadScope, Status,
    StatusKind, Store,
};
pub use memory::{MemoryOptions, MemoryStore};
pub use record::Record;
pub use retention::{Limits, Retention};
pub use run::{RunRecord, RunState};
pub use state::{StateEntry, StateStore, Version};
