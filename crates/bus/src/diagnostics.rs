//! What the bus has to say about itself: failing sinks, stores that are away, what was left out.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use headwater_store::Clock;
use jiff::Timestamp;
use tokio::sync::broadcast;

/// Something that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// When it happened.
    pub at: Timestamp,
    /// Whom it is about.
    pub part: Part,
    /// What happened.
    pub kind: DiagnosticKind,
    /// In one sentence.
    pub detail: String,
    /// How often this happened to this part, this time included.
    pub occurrence: u64,
}

/// A part of the bus.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// An emitter, by its name.
    Emitter(String),
    /// A sink, by its name.
    Sink(String),
    /// A route of a publisher manager, by its topic.
    Topic(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emitter(name) => write!(f, "emitter `{name}`"),
            Self::Sink(name) => write!(f, "sink `{name}`"),
            Self::Topic(name) => write!(f, "topic `{name}`"),
        }
    }
}

/// What happened to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiagnosticKind {
    /// It fails and is tried again.
    Failing,
    /// It works again.
    Recovered,
    /// Events were left out or refused.
    Dropped,
    /// Something is missing in what it reads.
    Gap,
    /// It is over.
    Stopped,
}

impl DiagnosticKind {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Recovered => "recovered",
            Self::Dropped => "dropped",
            Self::Gap => "gap",
            Self::Stopped => "stopped",
        }
    }

    /// How grave it is, as `diagnostic.message` says it.
    #[must_use]
    pub const fn level(self) -> &'static str {
        match self {
            Self::Recovered => "info",
            Self::Failing | Self::Gap | Self::Stopped => "warn",
            Self::Dropped => "error",
        }
    }
}

/// Where parts tell.
#[derive(Clone)]
pub(crate) struct Diagnostics {
    sender: broadcast::Sender<Diagnostic>,
    counts: Arc<Mutex<HashMap<(Part, DiagnosticKind), u64>>>,
    clock: Arc<dyn Clock>,
}

/// How many (part, kind) are counted: what is beyond counts as the first occurrence.
const MAX_COUNTS: usize = 4096;

impl Diagnostics {
    pub(crate) fn new(capacity: usize, clock: Arc<dyn Clock>) -> Self {
        let (sender, _) = broadcast::channel(capacity.max(1));
        Self { sender, counts: Arc::default(), clock }
    }

    pub(crate) fn tell(&self, part: &Part, kind: DiagnosticKind, detail: impl Into<String>) {
        let detail = detail.into();
        let occurrence = self.count(part, kind);
        tracing::warn!(part = %part, kind = kind.as_str(), occurrence, "{detail}");
        let told = Diagnostic { at: self.clock.now(), part: part.clone(), kind, detail, occurrence };
        // Nobody has to listen.
        drop(self.sender.send(told));
    }

    pub(crate) fn subscribe(&self) -> DiagnosticStream {
        DiagnosticStream { receiver: self.sender.subscribe(), missed: 0 }
    }

    fn count(&self, part: &Part, kind: DiagnosticKind) -> u64 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let room = counts.len() < MAX_COUNTS;
        match counts.get_mut(&(part.clone(), kind)) {
            Some(count) => {
                *count += 1;
                *count
            }
            None if room => {
                counts.insert((part.clone(), kind), 1);
                1
            }
            None => 1,
        }
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnostics").finish_non_exhaustive()
    }
}

/// Diagnostics as they come. One that is not read loses the oldest, and counts them.
#[derive(Debug)]
pub struct DiagnosticStream {
    receiver: broadcast::Receiver<Diagnostic>,
    missed: u64,
}

impl DiagnosticStream {
    /// Waits for the next one; `None` once the bus is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Diagnostic> {
        loop {
            match self.receiver.recv().await {
                Ok(told) => return Some(told),
                Err(broadcast::error::RecvError::Lagged(n)) => self.missed += n,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The next one if it is there.
    pub fn try_next(&mut self) -> Option<Diagnostic> {
        loop {
            match self.receiver.try_recv() {
                Ok(told) => return Some(told),
                Err(broadcast::error::TryRecvError::Lagged(n)) => self.missed += n,
                Err(_) => return None,
            }
        }
    }

    /// How many were not read in time and are gone.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}
