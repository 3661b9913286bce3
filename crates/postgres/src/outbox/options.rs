//! How a relay works.

use std::time::Duration;

use crate::Schema;

/// What becomes of a run whose event was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterParked {
    /// The run goes on behind the event. A redriven event then comes after what followed it.
    #[default]
    Skip,
    /// The run waits until the event is redriven or discarded.
    Hold,
}

/// How a relay works. Relays of one schema should agree on `after_parked`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayOptions {
    /// The schema: `headwater`.
    pub schema: Schema,
    /// What it is called in the table of relays: `relay`. Names may be the same.
    pub name: String,
    /// The most events published together: 500.
    pub batch_events: usize,
    /// The most encoded bytes published together, unless one event has more: 2 MiB.
    pub batch_bytes: usize,
    /// How often the table is looked at though nobody gave notice: 1 s.
    pub poll: Duration,
    /// How long a relay that is silent keeps its share: 10 s.
    pub lease: Duration,
    /// The first pause and the longest one while broker or database is away: 100 ms, 10 s.
    pub backoff: (Duration, Duration),
    /// How often an event may fail while others of the same moment do not, before it is parked: 10.
    pub max_attempts: u32,
    /// What becomes of a run whose event was parked.
    pub after_parked: AfterParked,
    /// How long published rows are kept: 1 h. Zero keeps none.
    pub retention: Duration,
    /// How often the gauges are measured: 5 s.
    pub sample: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            schema: Schema::default(),
            name: "relay".to_owned(),
            batch_events: 500,
            batch_bytes: 2 * 1024 * 1024,
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(10),
            backoff: (Duration::from_millis(100), Duration::from_secs(10)),
            max_attempts: 10,
            after_parked: AfterParked::default(),
            retention: Duration::from_secs(3600),
            sample: Duration::from_secs(5),
        }
    }
}
