//! Storing what a round changed, and what comes of that.

use std::time::Duration;

use futures_util::future::join_all;
use headwater_events::Lane;
use headwater_store::{Error as StoreError, Version};
use tokio::{task::JoinHandle, time::Instant};

use super::{Engine, INTERVAL, Round, TRIES};
use crate::{Error, groups::keys};

/// A lane whose value has this many bytes rests as long as any, a smaller one less.
const FULL: usize = 4096;

/// What became of the writes of a round.
pub(super) struct Written {
    round: Round,
    began: Instant,
    rest: Duration,
    lanes: Vec<(Lane, Result<Version, StoreError>)>,
}

impl Engine {
    /// Begins to store every lane that was changed. A round that changed none is answered now.
    pub(super) async fn store(&mut self, round: Round) {
        let (mut writes, mut largest) = (Vec::new(), 0);
        for work in self.lanes.values_mut().filter(|work| work.dirty) {
            let (lane, key, value) = (work.lane, keys::lane(&self.group, work.lane), work.encoded());
            (work.dirty, work.writing) = (false, true);
            largest = largest.max(value.len());
            let (store, version) = (std::sync::Arc::clone(&self.store), work.version);
            writes.push(async move { (lane, store.put(&key, value, version).await) });
        }
        if writes.is_empty() {
            self.answer(round).await;
            return;
        }
        let began = Instant::now();
        let rest = INTERVAL.mul_f64((largest as f64 / FULL as f64).min(1.0));
        // As a task, so that it gets on while a round waits for something else.
        let writing = tokio::spawn(join_all(writes));
        let written = async move { Written { round, began, rest, lanes: ended(writing).await } };
        self.writes.push(Box::pin(written));
    }

    /// Answers a round that is stored; does again what others came before with.
    pub(super) async fn written(&mut self, written: Written) {
        let Written { mut round, began, rest, lanes } = written;
        let (mut changed, mut failed) = (Vec::new(), None);
        for (lane, written) in lanes {
            let Some(work) = self.lanes.get_mut(&lane) else { continue };
            work.writing = false;
            match written {
                Ok(version) => {
                    (work.version, work.seen) = (Some(version), Instant::now());
                    work.rests_until = Some(began + rest);
                }
                Err(StoreError::Conflict { .. }) => {
                    work.stale = true;
                    changed.push(lane);
                }
                Err(error) => {
                    work.stale = true;
                    failed = Some(error);
                }
            }
        }
        if let Some(error) = failed {
            self.fail(round, &error.into());
            return;
        }
        if changed.is_empty() {
            self.pauses.reset();
            self.answer(round).await;
            return;
        }
        round.tries += 1;
        let again = match round.tries {
            TRIES.. => Err(StoreError::unavailable("other processes keep changing the group's lanes").into()),
            _ => self.again(&mut round, &changed).await,
        };
        match again {
            Ok(()) => self.store(round).await,
            Err(error) => self.fail(round, &error),
        }
    }

    /// Somebody else has changed some lanes: what the round did to them is undone, and done again on what they are now.
    async fn again(&mut self, round: &mut Round, lanes: &[Lane]) -> Result<(), Error> {
        for (_, fetched) in &mut round.given {
            fetched.deliveries.retain(|leased| !lanes.contains(&leased.lease.lane));
        }
        for lane in lanes {
            self.load(*lane).await?;
        }
        self.let_go(&round.gone, |lane| lanes.contains(&lane));
        let mut lost = Vec::new();
        for settling in &mut round.settles {
            for (settlement, result) in settling.settlements.iter().zip(&mut settling.results) {
                if lanes.contains(&settlement.lease.lane) {
                    *result = self.settle_one(settlement, &mut lost).await?;
                }
            }
        }
        for (leases, _) in &round.extends {
            self.extend(leases.iter().filter(|lease| lanes.contains(&lease.lane))).await?;
        }
        for (raised, _) in &round.raises {
            self.raise(raised.iter().filter(|(lane, ..)| lanes.contains(lane)));
        }
        self.bury(lost).await
    }
}

/// What a task gives; a panic of it is passed on.
async fn ended<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Nobody aborts it: the runtime ends.
            Err(_) => std::future::pending().await,
        },
    }
}
