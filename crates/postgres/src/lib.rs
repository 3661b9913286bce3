//! Headwater on PostgreSQL: events that leave with your transaction, and effects that happen once.
//!
//! * [`Outbox`]: events are written in your own transaction and reach the broker after its commit, in order inside each
//!   run. A [`Relay`] carries them.
//! * [`Inbox`]: an effect and the note that it happened are one transaction, so that an event that comes twice has
//!   one effect.
//! * [`Database`]: the worker `db_writers`, which keeps tables of workflows, their parts and their results.
//!
//! Everything lives in a schema of its own, which [`migrate`] makes and brings up to date. PostgreSQL 13 or newer, in a
//! database encoded in UTF-8.
//!
//! The one backend type in this crate's signatures is sqlx's transaction, since it is yours.

pub mod database;
mod error;
mod failure;
pub mod inbox;
pub mod metric_definitions;
mod migrate;
pub mod outbox;
mod pool;
mod schema;
mod sql;

pub use database::Database;
pub use error::Error;
pub use inbox::{Claim, Inbox};
pub use migrate::{Migrated, migrate, migrations};
pub use outbox::{Outbox, Relay, RelayOptions};
pub use pool::connect;
pub use schema::Schema;
pub use sqlx;

/// The snippets of the guides are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/outbox.md")]
struct OutboxGuide;

/// Likewise.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/database.md")]
struct DatabaseGuide;
