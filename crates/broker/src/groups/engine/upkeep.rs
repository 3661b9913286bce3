//! Who has which lane: what others have stored is read, lanes are shared out, and what stood too long is given up.

use std::time::Duration;

use headwater_events::{Epoch, Lane, Position};
use headwater_store::ReadScope;
use tokio::time::Instant;

use super::{Busy, Engine, Round};
use crate::{
    Error,
    api::groups::{Fetched, WorkerName},
    groups::{keys, lane::LaneWork, lost::Lost, state::Owner, stored::Stored},
};

impl Engine {
    /// Does what concerns all lanes. None is being stored.
    pub(super) async fn keep_up(&mut self, round: &mut Round, now: Instant) -> Result<(), Error> {
        let asked = std::mem::take(&mut self.asked);
        (round.leaves, round.raises) = (asked.leaves, asked.raises);
        for waiting in &self.waiting {
            // A worker that waits for an answer lives.
            self.workers.hear(&waiting.fetch.worker, waiting.fetch.session.unwrap_or_default(), now);
        }
        for worker in self.workers.silent(now, self.lease()) {
            tracing::info!(group = %self.group, %worker, "a worker fell silent: its lanes go to others");
            self.workers.leave(&*self.store, &self.group, &worker).await?;
            round.gone.push(worker);
        }
        for (worker, _) in &round.leaves {
            for waiting in self.waiting.extract_if(.., |waiting| waiting.fetch.worker == *worker) {
                // Whoever asked may have gone.
                let _ = waiting.answer.send(Ok(Fetched::default()));
            }
            self.workers.leave(&*self.store, &self.group, worker).await?;
            round.gone.push(worker.clone());
        }
        if asked.look || (now >= self.next_look && !self.workers.here.is_empty()) {
            self.look(now).await?;
        }
        self.expire_letters(round, now).await?;
        self.load_stale().await?;
        // On what was loaded, or loading would undo it.
        self.let_go(&round.gone, |_| true);
        // Twice: who comes first may take what a later one lets go.
        self.share_out(now);
        self.share_out(now);
        let lost = self.expire(now);
        self.bury(lost).await?;
        for (raised, _) in &round.raises {
            self.raise(raised.iter());
        }
        Ok(())
    }

    /// Reads what others have stored.
    async fn look(&mut self, now: Instant) -> Result<(), Error> {
        self.workers.beat(&*self.store, &self.group, now, self.lease()).await?;
        let stored = Stored::read(&*self.store, &self.group).await?;
        let Some((settings, _)) = &stored.settings else {
            return Err(Error::NoGroup);
        };
        if settings.life != self.settings.life {
            self.lanes.clear();
        }
        self.settings = settings.clone();
        self.take_stored(&stored, now);
        for (worker, version) in self.workers.stale(now, self.lease()) {
            // Whoever comes first takes it away.
            let _ = self.store.delete(&keys::worker(&self.group, &worker), version).await;
        }
        self.next_look = now + (self.lease() / 10).clamp(Duration::from_millis(20), Duration::from_secs(1));
        Ok(())
    }

    pub(super) fn take_stored(&mut self, stored: &Stored, now: Instant) {
        self.workers.look(&stored.workers, now);
        for number in 0..self.store.lanes() {
            let (lane, lease) = (Lane(number), self.settings.config.lease);
            let entry = stored.lanes.get(&lane);
            let begin = self.begin(lane);
            let scope = self.scope(lane);
            let work = self.lanes.entry(lane).or_insert_with(|| {
                let mut work = LaneWork::new(lane, scope, begin, now);
                work.load(entry, begin, now, lease);
                work
            });
            if work.version != entry.map(|entry| entry.version) || work.stale {
                work.load(entry, begin, now, lease);
            }
        }
    }

    pub(super) fn begin(&self, lane: Lane) -> (Epoch, Position) {
        self.settings.begin(lane)
    }

    pub(super) fn scope(&self, lane: Lane) -> ReadScope {
        match &self.group.tenant {
            Some(tenant) => ReadScope::TenantLane(tenant.clone(), lane),
            None => ReadScope::Lane(lane),
        }
    }

    /// Loads lanes again whose last write failed.
    async fn load_stale(&mut self) -> Result<(), Error> {
        let stale: Vec<Lane> = self.lanes.values().filter(|work| work.stale).map(|work| work.lane).collect();
        for lane in stale {
            self.load(lane).await?;
        }
        Ok(())
    }

    pub(super) async fn load(&mut self, lane: Lane) -> Result<(), Error> {
        let entry = self.store.get(&keys::lane(&self.group, lane)).await?;
        let (begin, lease) = (self.begin(lane), self.lease());
        if let Some(work) = self.lanes.get_mut(&lane) {
            work.load(entry.as_ref(), begin, Instant::now(), lease);
        }
        Ok(())
    }

    /// Of some lanes, those of workers that are gone belong to nobody.
    pub(super) fn let_go(&mut self, gone: &[WorkerName], some: impl Fn(Lane) -> bool) {
        let theirs = |work: &&mut LaneWork| some(work.lane) && gone.iter().any(|worker| work.is_of(worker));
        for work in self.lanes.values_mut().filter(theirs) {
            work.change_owner(None);
        }
    }

    /// Gives each worker here its share of the lanes: takes those that are free or whose owner is dead, and lets go
    /// those it has beyond its share, once nothing of them is with it.
    fn share_out(&mut self, now: Instant) {
        let lease = self.lease();
        let shares: Vec<(WorkerName, u64, usize)> = self
            .workers
            .here
            .iter()
            .map(|(name, here)| {
                (name.clone(), here.session, self.workers.share(name, self.store.lanes(), now, lease))
            })
            .collect();
        for (worker, session, share) in shares {
            let mut has = 0;
            for work in self.lanes.values_mut().filter(|work| work.is_of(&worker)) {
                has += 1;
                work.draining = has > share;
                if work.draining && work.in_flight() == 0 {
                    work.change_owner(None);
                } else if now >= work.seen + lease / 3 {
                    work.beat();
                }
            }
            for work in self.lanes.values_mut() {
                if has >= share {
                    break;
                }
                let free = match &work.state.owner {
                    None => true,
                    // Unchanged for a lease by this process's clock, and by nobody who is known to live.
                    Some(owner) => now >= work.seen + lease && !self.workers.here.contains_key(&owner.worker),
                };
                if free && !work.stale {
                    work.change_owner(Some(Owner { worker: worker.clone(), session, beat: 0 }));
                    has += 1;
                }
            }
        }
    }

    /// Lets go lanes that their workers have too many of, once nothing of them is with a worker.
    pub(super) fn hand_over(&mut self, busy: &Busy) {
        let ends = |work: &&mut LaneWork| work.draining && work.in_flight() == 0 && !busy.has(work.lane);
        for work in self.lanes.values_mut().filter(ends) {
            work.change_owner(None);
            self.asked.share = true;
        }
    }

    /// Deliveries whose time has passed.
    fn expire(&mut self, now: Instant) -> Vec<Lost> {
        let (now_ms, max) = (self.now_ms(), self.settings.config.max_attempts);
        let here = &self.workers.here;
        let own = self
            .lanes
            .values_mut()
            .filter(|work| work.state.owner.as_ref().is_some_and(|owner| here.contains_key(&owner.worker)));
        own.flat_map(|work| work.expire(now, now_ms, max)).collect()
    }
}
