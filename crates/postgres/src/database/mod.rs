//! The database worker: what workflows are doing, as tables.
//!
//! It is the group `db_writers`. Each durable event that tells of a workflow or of a part of one becomes a row of
//! `workflow_updates`, and moves `workflows` and `parts` on, in one statement: an event that comes twice finds its row and
//! does nothing. State only moves forward in the log's order: what a worker that was thought dead writes late, or a dead
//! letter that is replayed, is noted and turns nothing back.
//!
//! The tables can be made anew from the log, as far as the log still reaches: see [`Database::rebuild`].

mod apply;
mod rebuild;
mod update;
mod writer;

pub use rebuild::{RebuildError, Rebuilt};
pub use writer::{Database, GROUP};
