//! What the whole demo shares.

use std::path::PathBuf;

use headwater::{Scope, StreamName, Tenant, chat::Endpoint};

use super::Pace;

/// What the whole demo shares: where the server is, which run it is about, how fast, and who answers.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The server.
    pub(crate) url: String,
    /// The run.
    pub(crate) run: StreamName,
    /// Where the tools work.
    pub(crate) work: PathBuf,
    /// How fast.
    pub(crate) pace: Pace,
    /// A real model; else the answers stand in a script.
    pub(crate) model: Option<Endpoint>,
}

impl Setting {
    /// What is read: the run's stream.
    pub(crate) fn scope(&self) -> Scope {
        Scope::Stream(Tenant::default(), self.run.clone())
    }
}
