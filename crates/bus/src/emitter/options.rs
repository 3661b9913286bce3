//! How an emitter is made.

use std::{path::PathBuf, time::Duration};

/// How an emitter is made.
#[derive(Debug, Clone)]
pub struct EmitterOptions {
    /// What it is called in metrics and diagnostics.
    pub name: String,
    /// How many events may wait, those that are being published among them: 1,024.
    pub capacity: usize,
    /// What happens when there is no room.
    pub when_full: WhenFull,
    /// How many events are published at once, at most: 256.
    pub batch_events: usize,
    /// The longest wait before trying again while the store is away: 2 s.
    pub retry_max: Duration,
    /// Where events go while the store is away and there is no room.
    pub spool: Option<SpoolOptions>,
    /// Numbers that were used up: (source, tenant, stream, last number). For an emitter that goes on where another
    /// one, of an earlier life, left off.
    pub numbers: Vec<(String, String, String, u64)>,
}

/// What happens when there is no room. `emit` never waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// `emit` says so; `emit_async` waits that long, and after a wait in vain not again until there is room.
    Block(Duration),
    /// The new event is left out, and the stream tells how many were (`dropped`).
    DropNewest,
    /// Both say so at once.
    Error,
}

/// A file that takes events while the store is away.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// Which file. One emitter owns it; what an earlier life left in it is published first.
    pub path: PathBuf,
    /// How large it may grow; then the emitter is full.
    pub max_bytes: u64,
}

impl Default for EmitterOptions {
    fn default() -> Self {
        Self {
            name: "emitter".to_owned(),
            capacity: 1024,
            when_full: WhenFull::Block(Duration::from_secs(5)),
            batch_events: 256,
            retry_max: Duration::from_secs(2),
            spool: None,
            numbers: Vec::new(),
        }
    }
}
