//! How often and how long a node is tried.

use std::time::Duration;

/// How a node is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeOptions {
    /// How often it is tried.
    pub retry: Retry,
    /// How long one try may take. None: as long as it likes.
    pub timeout: Option<Duration>,
    /// How often it may run in one run of the graph. A circle needs such a limit, or the graph one of its steps.
    pub max_visits: Option<u64>,
}

/// How often a node is tried: waits double from `first` to `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often in all: 1.
    pub attempts: u32,
    /// The first wait: 200 ms.
    pub first: Duration,
    /// The longest wait: 30 s.
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, first: Duration::from_millis(200), most: Duration::from_secs(30) }
    }
}

impl NodeOptions {
    /// The defaults: tried once, no timeout, no limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tries it so often in all.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry.attempts = attempts.max(1);
        self
    }

    /// Waits so long before the second try, twice that before the third, and so on.
    #[must_use]
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        (self.retry.first, self.retry.most) = (first, most);
        self
    }

    /// Gives one try so long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Lets it run so often in one run of the graph.
    #[must_use]
    pub fn max_visits(mut self, visits: u64) -> Self {
        self.max_visits = Some(visits);
        self
    }
}
