//! State in a compacted topic of one partition: a record's place decides.

mod attempt;
pub(crate) mod store;
mod table;

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use rdkafka::Message;

pub(crate) use self::attempt::Kind;
use self::{attempt::AttemptId, table::Table};
use crate::random::random;

/// The key of the epoch of a log whose topic was made by somebody else.
pub(crate) const EPOCH: &str = "epoch";

/// The state in memory, as the follower keeps it up.
#[derive(Debug)]
pub(crate) struct State {
    table: Mutex<Table>,
    /// Who makes attempts here.
    maker: u64,
    made: AtomicU64,
}

impl State {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::default(), maker: random(), made: AtomicU64::new(0) }
    }

    /// The name under which this process writes.
    pub(crate) fn maker(&self) -> u64 {
        self.maker
    }

    /// The epoch of a log whose topic was made by somebody else.
    pub(crate) fn epoch(&self) -> Option<u32> {
        let value = self.lock().get(Kind::Own, EPOCH)?.value?;
        Some(u32::from_be_bytes(value[..].try_into().ok()?))
    }

    fn next_attempt(&self) -> AttemptId {
        u128::from(self.maker) << 64 | u128::from(self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// The next record of the topic, if it is one of a key.
    pub(crate) fn take(&self, message: &impl Message) {
        let Some((kind, key, id)) = message.key().and_then(attempt::parse_key) else { return };
        match message.payload() {
            None => self.lock().tombstone(kind, key, id),
            Some(payload) => {
                let Some(write) = attempt::parse_value(payload) else { return };
                let at = message.timestamp().to_millis().unwrap_or_default();
                self.lock().attempt(kind, key, id, message.offset(), at, write);
            }
        }
    }

    /// Poison cannot leave it half changed in a way that matters.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
