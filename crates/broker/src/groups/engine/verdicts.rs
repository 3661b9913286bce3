//! What workers say of their deliveries, and the letters of those that died.

use std::collections::BTreeSet;

use headwater_events::Lane;
use headwater_store::{Error as StoreError, Record};
use tokio::time::Instant;

use super::{Busy, Engine, Round, Settling, Word};
use crate::{
    Error,
    api::groups::{AfterDeadLetter, Refused, Settlement},
    groups::{keys, lease::Lease, letters, lost::Lost, run::Run, state::Reopened},
};

impl Engine {
    /// Takes what workers say of their deliveries, as far as their lanes are not busy.
    pub(super) async fn hear_words(&mut self, round: &mut Round, busy: &mut Busy) -> Result<(), Error> {
        let mut lost = Vec::new();
        let mut words = std::mem::take(&mut self.words);
        while let Some(word) = words.pop_front() {
            if busy.hold(&word) {
                self.words.push_back(word);
                continue;
            }
            let heard = match word {
                Word::Settle(mut settling) => {
                    let settled = self.settle(&mut settling, &mut lost).await;
                    round.settles.push(settling);
                    settled
                }
                Word::Extend(leases, answer) => {
                    let extended = self.extend(leases.iter()).await;
                    round.extends.push((leases, answer));
                    extended
                }
            };
            if let Err(error) = heard {
                self.words.append(&mut words);
                return Err(error);
            }
        }
        self.bury(lost).await
    }

    async fn settle(&mut self, settling: &mut Settling, lost: &mut Vec<Lost>) -> Result<(), Error> {
        for (settlement, result) in settling.settlements.iter().zip(&mut settling.results) {
            *result = self.settle_one(settlement, lost).await?;
        }
        Ok(())
    }

    pub(super) async fn extend<'a>(&mut self, leases: impl Iterator<Item = &'a Lease>) -> Result<(), Error> {
        let until = Instant::now() + self.lease();
        for lease in leases {
            if self.lanes.get(&lease.lane).is_some_and(|work| !work.dirty && work.holds(lease).is_err()) {
                // It may have been given out by another process since this one has looked.
                self.reload_if_changed(lease.lane).await?;
            }
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                // Said in the stored value where the lane's owner asks another process.
                let here = &self.workers.here;
                let elsewhere =
                    work.state.owner.as_ref().is_some_and(|owner| !here.contains_key(&owner.worker));
                if work.extend(lease, until).is_ok() && elsewhere {
                    work.beat();
                }
            }
        }
        Ok(())
    }

    pub(super) fn raise<'a>(&mut self, raised: impl Iterator<Item = &'a (Lane, Run, Option<Reopened>)>) {
        for (lane, run, letter) in raised {
            if let Some(work) = self.lanes.get_mut(lane) {
                work.raise(run.clone(), *letter);
            }
        }
    }

    pub(super) async fn settle_one(
        &mut self,
        settlement: &Settlement,
        lost: &mut Vec<Lost>,
    ) -> Result<Result<(), Refused>, Error> {
        let (now_ms, max) = (self.now_ms(), self.settings.config.max_attempts);
        let lane = settlement.lease.lane;
        for fresh in [false, true] {
            if fresh {
                // It may have been given out by another process since this one has looked.
                self.reload_if_changed(lane).await?;
            }
            let Some(work) = self.lanes.get_mut(&lane) else { return Ok(Err(Refused::NotHeld)) };
            match work.settle(&settlement.lease, &settlement.verdict, now_ms, max) {
                Ok(one) => {
                    lost.extend(one);
                    return Ok(Ok(()));
                }
                Err(refused) if fresh || work.dirty => return Ok(Err(refused)),
                Err(_) => {}
            }
        }
        Ok(Err(Refused::NotHeld))
    }

    pub(super) async fn reload_if_changed(&mut self, lane: Lane) -> Result<(), Error> {
        let entry = self.store.get(&keys::lane(&self.group, lane)).await?;
        let (begin, lease) = (self.begin(lane), self.lease());
        if let Some(work) = self.lanes.get_mut(&lane)
            && work.version != entry.as_ref().map(|entry| entry.version)
        {
            work.load(entry.as_ref(), begin, Instant::now(), lease);
        }
        Ok(())
    }

    /// Writes dead letters, then takes their events as done.
    pub(super) async fn bury(&mut self, lost: Vec<Lost>) -> Result<(), Error> {
        if lost.is_empty() {
            return Ok(());
        }
        let mut bodies: Vec<(Lost, Record)> = Vec::with_capacity(lost.len());
        for one in lost {
            let Some(work) = self.lanes.get_mut(&one.lane) else { continue };
            if let Some(record) = work.event_of(&*self.store, &self.group, &one.run, one.position).await? {
                bodies.push((one, record));
            }
        }
        self.remember_tenants(&bodies).await?;
        letters::bury(&*self.store, &self.group, self.settings.life, self.clock.now(), &bodies).await?;
        let park = self.settings.config.after_dead_letter == AfterDeadLetter::Park;
        for (one, _) in bodies {
            metrics::counter!(crate::metric_definitions::DEAD_LETTERS, "group" => self.group.name.to_string())
                .increment(1);
            if let Some(work) = self.lanes.get_mut(&one.lane) {
                work.buried(&one.run, one.position, park);
            }
        }
        Ok(())
    }

    /// A group of all tenants must find its dead letters again.
    pub(super) async fn remember_tenants(&mut self, bodies: &[(Lost, Record)]) -> Result<(), Error> {
        if self.group.tenant.is_some() {
            return Ok(());
        }
        let tenants: BTreeSet<_> = bodies.iter().map(|(lost, _)| &lost.run.tenant).collect();
        for tenant in tenants {
            match self.store.put(&keys::letters_of(&self.group, tenant), bytes::Bytes::new(), None).await {
                Ok(_) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
