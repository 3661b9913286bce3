//! What is known of one lane without asking.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use headwater_events::Position;
use headwater_store::ring::Ring;
use tokio::sync::watch;

/// One lane, that is one partition, as the follower has come to know it.
#[derive(Debug)]
pub(crate) struct LaneLog {
    /// Its newest records.
    pub(crate) ring: Ring,
    /// Everything up to here is in the ring and in the records of runs.
    reached: watch::Sender<Position>,
    /// Everything up to here has been removed by retention.
    low: AtomicU64,
    /// The last position that an append of this process was answered with.
    answered: AtomicU64,
    /// The newest records that could not be decoded, with their keys: no run's record counts them.
    undecodable: Mutex<VecDeque<(Position, Vec<u8>)>>,
}

/// How many undecodable records are remembered.
const MAX_UNDECODABLE: usize = 1024;

impl LaneLog {
    /// A lane that is followed from behind `after`.
    pub(crate) fn new(after: Position, low: Position, ring_bytes: usize) -> Self {
        Self {
            ring: Ring::new(after, ring_bytes),
            reached: watch::Sender::new(after),
            low: AtomicU64::new(low.0),
            answered: AtomicU64::new(0),
            undecodable: Mutex::default(),
        }
    }

    pub(crate) fn reached(&self) -> Position {
        *self.reached.borrow()
    }

    /// The follower has taken in everything up to here.
    pub(crate) fn reach(&self, position: Position) {
        self.reached.send_if_modified(|reached| {
            let further = position > *reached;
            if further {
                *reached = position;
            }
            further
        });
    }

    /// Waits until the follower has taken in everything up to `position`.
    pub(crate) async fn wait(&self, position: Position) {
        if self.reached() < position {
            // The sender lives as long as `self`.
            let _ = self.reached.subscribe().wait_for(|reached| *reached >= position).await;
        }
    }

    pub(crate) fn answer(&self, position: Position) {
        self.answered.fetch_max(position.0, Ordering::SeqCst);
    }

    /// The last position that anybody here knows of.
    pub(crate) fn tail(&self) -> Position {
        self.reached().max(Position(self.answered.load(Ordering::SeqCst)))
    }

    /// A record with this key cannot be decoded.
    pub(crate) fn note_undecodable(&self, position: Position, key: &[u8]) {
        let mut noted = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() == MAX_UNDECODABLE {
            noted.pop_front();
        }
        noted.push_back((position, key.to_vec()));
    }

    /// The last record with this key that cannot be decoded, as far as it is remembered.
    pub(crate) fn last_undecodable(&self, key: &[u8]) -> Option<Position> {
        let noted = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner);
        noted.iter().rev().find(|(_, of)| of == key).map(|(position, _)| *position)
    }

    pub(crate) fn low(&self) -> Position {
        Position(self.low.load(Ordering::Relaxed))
    }

    pub(crate) fn raise_low(&self, low: Position) {
        self.low.fetch_max(low.0, Ordering::Relaxed);
    }
}
