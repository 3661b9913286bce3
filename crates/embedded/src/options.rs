//! How an embedded log is opened.

use std::{sync::Arc, time::Duration};

use headwater_events::DEFAULT_LANES;
use headwater_store::{Clock, Retention, SystemClock};

/// When stored events are made safe against a crash of the machine. A crash of the process alone loses nothing
/// under any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fsync {
    /// Before `append` answers. Appends that wait together share one fsync.
    #[default]
    Always,
    /// At least this often, in milliseconds. A crash of the machine may take back what was answered since;
    /// readers who cross the place get a gap.
    EveryMs(u64),
    /// Only when the log is closed; the operating system writes when it likes.
    Never,
}

/// How much of the disk is left free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reserve {
    /// 64 MiB or a hundredth of the disk, whichever is more, but at most 1 GiB.
    #[default]
    Auto,
    /// This many bytes.
    Bytes(u64),
}

/// Options of an embedded log.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// How many lanes a new log gets. An existing log keeps the number it was created with.
    pub lanes: u16,
    /// When stored events are made safe against a crash of the machine.
    pub fsync: Fsync,
    /// How long events are kept.
    pub retention: Retention,
    /// How often retention is applied.
    pub retention_interval: Duration,
    /// How much of the disk is left free: below it appending fails, reading and deleting go on.
    pub reserve: Reserve,
    /// How many encoded bytes of the newest events `follow` reaches back.
    pub ring_bytes: usize,
    /// How long a second append of the same (tenant, source, id) is recognized.
    pub dedup_window: Duration,
    /// How many calls wait for the writer before callers wait to be let in.
    pub queue_calls: usize,
    /// How many encoded bytes wait for the writer before callers wait to be let in.
    pub queue_bytes: usize,
    /// The most events that are committed together.
    pub group_events: usize,
    /// About the most encoded bytes that are committed together.
    pub group_bytes: usize,
    /// How many bytes of blocks are cached for reading.
    pub cache_bytes: u64,
    /// The largest event, in encoded bytes.
    pub max_event_bytes: usize,
    /// Where wall-clock time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            lanes: DEFAULT_LANES,
            fsync: Fsync::default(),
            retention: Retention::default(),
            retention_interval: Duration::from_secs(30),
            reserve: Reserve::default(),
            ring_bytes: 64 * 1024 * 1024,
            dedup_window: Duration::from_secs(120),
            queue_calls: 1024,
            queue_bytes: 32 * 1024 * 1024,
            group_events: 4096,
            group_bytes: 8 * 1024 * 1024,
            cache_bytes: 64 * 1024 * 1024,
            max_event_bytes: 256 * 1024,
            clock: Arc::new(SystemClock),
        }
    }
}
