//! API keys: a secret that is shown once, and a file that knows only its hash.

mod file;
mod secret;
mod table;

pub use file::{Key, KeyFile, KeyFileError};
pub(super) use secret::{parse, random, sha256};
pub(super) use table::Table;
