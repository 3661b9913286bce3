//! Storing events.
//!
//! What is published goes through connections of its own, which **never come back by themselves**: when one is lost,
//! nothing that was waiting in it is sent later behind the back of whoever sends it again. A new connection sends what
//! was not acknowledged, in order and under the same message ids, so that each event is stored once and order survives:
//! however the two connections meet at the server, each brings the events in their order, and the first one counts.
//!
//! Several events are stored as one atomic batch where the server can, else through a window of single ones.

mod batch;
mod found;
mod item;
mod single;
mod window;
mod wire;

use std::{collections::HashMap, sync::Arc};

use headwater_events::Position;
use headwater_store::{Append, Appended, Error};
use jiff::Timestamp;
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};

use self::{item::Item, wire::Wires};
use crate::{api::Refusal, api::code, link::Link, metric_definitions};

/// So many atomic batches of this process at once: a server takes 50 for a stream.
const BATCHES: usize = 12;
/// So many single events of this process at once.
const SINGLES: usize = 4096;
/// The most events of one atomic batch.
const BATCH_EVENTS: usize = 1000;

/// Stores events.
pub(crate) struct Publisher {
    link: Arc<Link>,
    wires: Mutex<Wires>,
    batches: Semaphore,
    singles: Semaphore,
    atomic: bool,
}

/// How an attempt failed.
enum Failure {
    /// It is not known what was stored.
    Lost(String),
    /// The server stored nothing.
    Refused(Refusal),
}

/// What became of an event: its place, and whether it stood there before.
#[derive(Debug, Clone, Copy)]
struct Stored {
    seq: u64,
    duplicate: bool,
}

impl Publisher {
    pub(crate) fn new(link: Arc<Link>, atomic: bool) -> Self {
        Self {
            link,
            wires: Mutex::default(),
            batches: Semaphore::new(BATCHES),
            singles: Semaphore::new(SINGLES),
            atomic,
        }
    }

    pub(crate) async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let identity = *self.link.identity.borrow();
        let stored_at = self.link.clock.stamp_ms();
        let max = self.link.max_event_bytes();
        let mut items = Vec::with_capacity(batch.len());
        for append in batch {
            let item = Item::new(append, &self.link.names, identity, stored_at);
            if item.payload.len() > max {
                return Err(Error::Unsupported { what: format!("events over {max} bytes").into() });
            }
            items.push(item);
        }
        // Inside a batch the first one counts.
        let mut firsts: HashMap<&str, usize> = HashMap::with_capacity(items.len());
        let first_of: Vec<_> =
            items.iter().enumerate().map(|(i, item)| *firsts.entry(&item.id).or_insert(i)).collect();
        drop(firsts);
        let indexes: Vec<_> = (0..items.len()).filter(|i| first_of[*i] == *i).collect();
        let mut unique: Vec<_> = items
            .into_iter()
            .enumerate()
            .filter_map(|(i, item)| (first_of[i] == i).then_some(item))
            .collect();
        let answers = self.store(&mut unique).await;
        let place = |i: usize| indexes.binary_search(&first_of[i]).unwrap_or(0);
        let whole = |answers: &[Option<Appended>]| {
            (0..first_of.len())
                .map(|i| {
                    let first = answers.get(place(i)).copied().flatten()?;
                    Some(Appended { duplicate: first.duplicate || first_of[i] != i, ..first })
                })
                .collect::<Vec<_>>()
        };
        match answers {
            Ok(answers) => {
                let answers: Vec<_> = answers.into_iter().map(Some).collect();
                let answers: Vec<_> = whole(&answers).into_iter().flatten().collect();
                let duplicates = answers.iter().filter(|answer| answer.duplicate).count() as u64;
                metrics::counter!(metric_definitions::DUPLICATES).increment(duplicates);
                metrics::counter!(metric_definitions::EVENTS).increment(answers.len() as u64 - duplicates);
                Ok(answers)
            }
            Err(Error::Partial { stored, reason }) => Err(Error::Partial { stored: whole(&stored), reason }),
            Err(error) => Err(error),
        }
    }

    async fn store(&self, items: &mut [Item]) -> Result<Vec<Appended>, Error> {
        match items {
            [item] => Ok(vec![self.single(item).await?]),
            items if self.atomic && items.len() <= BATCH_EVENTS => self.batch(items).await,
            items => self.window(items).await,
        }
    }

    fn unknown(&self, why: impl std::fmt::Display) -> Error {
        Error::Unknown { reason: format!("{}: {why}", self.link.address.shown()) }
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        if code::NO_ROOM.contains(&refusal.err_code) {
            Error::Full { reason: format!("{}: {refusal}", self.link.address.shown()) }
        } else {
            self.link.unavailable(refusal)
        }
    }

    fn deadline(&self) -> Instant {
        self.link.deadline()
    }

    /// Ends the connection.
    pub(crate) async fn end(&self) {
        self.wires.lock().await.end().await;
    }
}

fn appended(stored: Stored, stored_at_ms: i64) -> Appended {
    Appended {
        position: Position(stored.seq),
        stored_at: Timestamp::from_millisecond(stored_at_ms).unwrap_or(Timestamp::UNIX_EPOCH),
        duplicate: stored.duplicate,
    }
}
