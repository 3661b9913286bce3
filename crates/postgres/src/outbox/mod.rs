//! The outbox: events that leave if, and only if, your transaction commits.
//!
//! # What holds
//! * **Nothing is lost.** A row that was committed is published at least once: it leaves the table only after the broker
//!   has stored it. Whoever is killed in between publishes it again, and the broker recognizes the id within its dedup
//!   window.
//! * **Nothing is made up.** A transaction that is rolled back publishes nothing.
//! * **Order.** Events of one run are published in the order in which they were enqueued. What another transaction had
//!   committed when this one enqueued comes before it. Of transactions that overlap, the one that began to write first
//!   is waited for.
//! * **A transaction that stays open holds back** what began to write after it, in the whole PostgreSQL instance:
//!   `headwater_outbox_held` and `headwater_outbox_held_seconds` tell.
//! * **What the broker refuses is parked** with its reason, and its run goes on or waits, as [`AfterParked`] says. It is
//!   sent again by [`Parked::redrive`].

mod backlog;
mod enqueue;
mod options;
mod parked;
mod relay;
mod trace;

pub use crate::Error;
pub use backlog::Backlog;
pub use enqueue::Outbox;
pub use options::{AfterParked, RelayOptions};
pub use parked::{Parked, ParkedFilter, ParkedRow};
pub use relay::{Relay, RelayState, RelayStatus};
pub use trace::TraceContext;

/// How many shares the relays divide the work into.
const SLOTS: u16 = 32;
