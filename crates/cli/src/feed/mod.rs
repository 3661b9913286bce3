//! Publishing what a file or a pipe holds: read, sent in batches, counted.

mod reader;
mod sender;
mod tally;

pub(crate) use reader::{Entry, Input, open};
pub(crate) use sender::{Fate, Sender};
pub(crate) use tally::Tally;
