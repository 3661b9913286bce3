//! Publishing what a file or a pipe holds: read, sent in batches, counted.

mod batches;
mod known;
mod outcome;
mod progress;
mod reader;
mod sender;

pub(crate) use batches::{Batch, Batches};
pub(crate) use known::Known;
pub(crate) use outcome::{Fate, Outcome, Tally};
pub(crate) use progress::Progress;
pub(crate) use sender::Sender;
