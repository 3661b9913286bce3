//! A group at work in one process: one task, that does everything in rounds.
//!
//! ```text
//!   calls ──► take what has come ──► settle, bury, share out lanes, give ──► store what changed ──► answer
//! ```
//!
//! A round changes lanes in memory, stores each changed lane with one compare-and-set, and answers afterwards. A lane
//! that somebody else changed meanwhile is loaded again: what was settled is settled once more on the new state, what
//! was given out of it was not handed to anybody and is forgotten. Rounds that store follow each other at an interval,
//! so that the calls of many workers share a write.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use headwater_events::{Epoch, Lane, Position};
use headwater_store::{Clock, Error as StoreError, ReadScope, Record, Store};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    activity::Activity,
    keys,
    lane::{LaneWork, Lost},
    lease::Lease,
    letters,
    state::{Owner, Reopened, Run},
    stored::{Settings, Stored},
    workers::Workers,
};
use crate::{
    Error,
    api::groups::{AfterDeadLetter, Fetch, Fetched, Group, GroupGap, Refused, Settlement, WorkerName},
};

/// How often a round that stores may be, at most.
const INTERVAL: Duration = Duration::from_millis(10);
/// How many calls a round takes at most.
const CALLS: usize = 1024;
/// How often a lane that others keep changing is tried in a round.
const TRIES: usize = 8;
/// How long a group that nobody asks for stays at work.
const IDLE: Duration = Duration::from_secs(60);

pub(super) type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// Whose dead letters live again, or are let go: the lane and run of each, and what lives again.
pub(super) type Raised = Vec<(Lane, Run, Option<Reopened>)>;

/// One answer for each lease.
pub(super) type Results = Vec<Result<(), Refused>>;

/// What is asked of a group at work.
pub(super) enum Call {
    Fetch(Fetch, Answer<Fetched>),
    Settle(Vec<Settlement>, Answer<Results>),
    Extend(Vec<Lease>, Answer<Results>),
    Leave(WorkerName, Answer<()>),
    /// Open dead letters are given another life, or let go: the run of each, and what lives again.
    Raise(Raised, Answer<()>),
    /// The group was changed or deleted.
    Changed,
}

pub(super) struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    group: Group,
    settings: Settings,
    lanes: BTreeMap<Lane, LaneWork>,
    workers: Workers,
    waiting: Vec<Waiting>,
    /// Deliveries that nobody has got.
    orphans: Vec<Lease>,
    activity: Activity,
    next_look: Instant,
    last_write: Option<Instant>,
    last_call: Instant,
    turn: usize,
}

/// A worker that waits for work.
struct Waiting {
    fetch: Fetch,
    until: Instant,
    answer: Answer<Fetched>,
}

/// What one round has done and not said.
#[derive(Default)]
struct Round {
    settles: Vec<Settling>,
    given: Vec<(usize, Fetched)>,
    leaves: Vec<(WorkerName, Answer<()>)>,
    raises: Vec<(Raised, Answer<()>)>,
    extends: Vec<(Vec<Lease>, Answer<Results>)>,
    looks: bool,
    gone: bool,
}

struct Settling {
    settlements: Vec<Settlement>,
    results: Results,
    answer: Answer<Results>,
}

impl Engine {
    /// Begins to work on a group that is stored.
    pub(super) async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        group: Group,
    ) -> Result<Option<Self>, Error> {
        let stored = Stored::read(&*store, &group).await?;
        let Some((settings, _)) = &stored.settings else { return Ok(None) };
        let now = Instant::now();
        let activity = Activity::start(Arc::clone(&store), &group).await?;
        let mut engine = Self {
            settings: settings.clone(),
            lanes: BTreeMap::new(),
            workers: Workers::default(),
            waiting: Vec::new(),
            orphans: Vec::new(),
            activity,
            next_look: now,
            last_write: None,
            last_call: now,
            turn: 0,
            store,
            clock,
            group,
        };
        engine.take_stored(&stored, now);
        Ok(Some(engine))
    }

    /// Works until nobody has asked for a while, or the group is gone, or no more calls can come.
    pub(super) async fn run(mut self, mut calls: mpsc::Receiver<Call>) {
        let mut taken = Vec::with_capacity(CALLS);
        loop {
            tokio::select! {
                count = calls.recv_many(&mut taken, CALLS) => {
                    if count == 0 {
                        break;
                    }
                    self.last_call = Instant::now();
                }
                () = self.activity.changed(), if !self.waiting.is_empty() => {}
                () = tokio::time::sleep_until(self.wakes_at()) => {}
            }
            if let Some(last) = self.last_write {
                tokio::time::sleep_until(last + INTERVAL).await;
                while taken.len() < CALLS
                    && let Ok(call) = calls.try_recv()
                {
                    taken.push(call);
                }
            }
            let mut round = Round::default();
            self.take(&mut round, std::mem::take(&mut taken));
            if let Err(error) = self.round(&mut round).await {
                let gone = matches!(error, Error::NoGroup | Error::Store(StoreError::Closed));
                self.fail(round, &error);
                if gone {
                    break;
                }
            }
            if self.is_idle() && calls.is_empty() {
                break;
            }
        }
    }

    fn lease(&self) -> Duration {
        self.settings.config.lease
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn is_idle(&self) -> bool {
        self.workers.here.is_empty() && self.waiting.is_empty() && self.last_call.elapsed() > IDLE
    }

    /// When something is to be done without a call.
    fn wakes_at(&self) -> Instant {
        let now = Instant::now();
        if self.workers.here.is_empty() {
            return now + IDLE;
        }
        let mut at = self.next_look;
        for waiting in &self.waiting {
            at = at.min(waiting.until);
        }
        if !self.waiting.is_empty() {
            let now_ms = self.now_ms();
            for due in self.lanes.values().filter_map(LaneWork::next_due) {
                let wait = u64::try_from(due.saturating_sub(now_ms)).unwrap_or(0).max(1);
                at = at.min(now + Duration::from_millis(wait));
            }
        }
        at
    }

    fn take(&mut self, round: &mut Round, calls: Vec<Call>) {
        let now = Instant::now();
        for call in calls {
            match call {
                Call::Fetch(fetch, answer) => {
                    let session = fetch.session.unwrap_or_default();
                    if self.workers.other_session(&fetch.worker, session, now, self.lease()) {
                        // Whoever asked may have gone.
                        let _ = answer.send(Err(Error::WorkerConflict));
                        continue;
                    }
                    round.looks |= self.workers.hear(&fetch.worker, session, now);
                    let until = now + fetch.wait;
                    self.waiting.push(Waiting { fetch, until, answer });
                }
                Call::Settle(settlements, answer) => {
                    self.hear_holders(settlements.iter().map(|settlement| &settlement.lease), now);
                    round.settles.push(Settling {
                        results: vec![Ok(()); settlements.len()],
                        settlements,
                        answer,
                    });
                }
                Call::Extend(leases, answer) => {
                    self.hear_holders(leases.iter(), now);
                    round.extends.push((leases, answer));
                }
                Call::Leave(worker, answer) => round.leaves.push((worker, answer)),
                Call::Raise(raised, answer) => round.raises.push((raised, answer)),
                Call::Changed => round.looks = true,
            }
        }
    }

    /// Who speaks of a lease it holds lives.
    fn hear_holders<'a>(&mut self, leases: impl Iterator<Item = &'a Lease>, now: Instant) {
        for lease in leases {
            let work = self.lanes.get(&lease.lane).filter(|work| work.holds(lease).is_ok());
            if let Some(owner) = work.and_then(|work| work.state.owner.as_ref())
                && let Some(here) = self.workers.here.get_mut(&owner.worker)
            {
                here.heard = now;
            }
        }
    }

    /// Does what a round has to do, stores it, and answers.
    async fn round(&mut self, round: &mut Round) -> Result<(), Error> {
        let now = Instant::now();
        for worker in self.workers.silent(now, self.lease()) {
            tracing::info!(group = %self.group, %worker, "a worker fell silent: its lanes go to others");
            self.let_go(&worker);
            self.workers.leave(&*self.store, &self.group, &worker).await?;
        }
        for (worker, _) in &round.leaves {
            self.let_go(worker);
            self.waiting.retain(|waiting| waiting.fetch.worker != *worker);
            self.workers.leave(&*self.store, &self.group, worker).await?;
        }
        if round.looks || (now >= self.next_look && !self.workers.here.is_empty()) {
            self.look(round, now).await?;
            if round.gone {
                return Err(Error::NoGroup);
            }
        }
        self.load_stale().await?;
        self.take_back();
        self.share_out(now);
        let mut lost = self.expire(now);
        self.settle(round, &mut lost).await?;
        self.bury(lost).await?;
        self.give(round).await?;
        self.store(round).await?;
        self.answer(std::mem::take(round));
        Ok(())
    }

    /// Reads what others have stored.
    async fn look(&mut self, round: &mut Round, now: Instant) -> Result<(), Error> {
        self.workers.beat(&*self.store, &self.group, now, self.lease()).await?;
        let stored = Stored::read(&*self.store, &self.group).await?;
        let Some((settings, _)) = &stored.settings else {
            round.gone = true;
            return Ok(());
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

    fn take_stored(&mut self, stored: &Stored, now: Instant) {
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

    fn begin(&self, lane: Lane) -> (Epoch, Position) {
        self.settings.begin(lane)
    }

    fn scope(&self, lane: Lane) -> ReadScope {
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

    async fn load(&mut self, lane: Lane) -> Result<(), Error> {
        let entry = self.store.get(&keys::lane(&self.group, lane)).await?;
        let (begin, lease) = (self.begin(lane), self.lease());
        if let Some(work) = self.lanes.get_mut(&lane) {
            work.load(entry.as_ref(), begin, Instant::now(), lease);
        }
        Ok(())
    }

    /// A worker's lanes belong to nobody.
    fn let_go(&mut self, worker: &WorkerName) {
        for work in self.lanes.values_mut().filter(|work| work.is_of(worker)) {
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

    /// Takes what workers say of their deliveries.
    async fn settle(&mut self, round: &mut Round, lost: &mut Vec<Lost>) -> Result<(), Error> {
        let every = 0..round.settles.len();
        for at in every {
            for i in 0..round.settles[at].settlements.len() {
                let settlement = &round.settles[at].settlements[i];
                let result = self.settle_one(settlement, lost).await?;
                round.settles[at].results[i] = result;
            }
        }
        let until = Instant::now() + self.lease();
        for (leases, _) in &round.extends {
            for lease in leases {
                if let Some(work) = self.lanes.get_mut(&lease.lane) {
                    // Said in the stored value where the lane's owner asks another process.
                    let elsewhere = work
                        .state
                        .owner
                        .as_ref()
                        .is_some_and(|owner| !self.workers.here.contains_key(&owner.worker));
                    if work.extend(lease, until).is_ok() && elsewhere {
                        work.beat();
                    }
                }
            }
        }
        for (raised, _) in &round.raises {
            for (lane, run, letter) in raised {
                if let Some(work) = self.lanes.get_mut(lane) {
                    work.raise(run.clone(), *letter);
                }
            }
        }
        Ok(())
    }

    async fn settle_one(
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

    async fn reload_if_changed(&mut self, lane: Lane) -> Result<(), Error> {
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
    async fn bury(&mut self, lost: Vec<Lost>) -> Result<(), Error> {
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
        letters::bury(&*self.store, &self.group, self.clock.now(), &bodies).await?;
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
    async fn remember_tenants(&self, bodies: &[(Lost, Record)]) -> Result<(), Error> {
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

    /// Gives workers that wait what their lanes have.
    async fn give(&mut self, round: &mut Round) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (now_ms, until, max_attempts) =
            (self.now_ms(), Instant::now() + self.lease(), self.settings.config.max_attempts);
        let mut room: HashMap<WorkerName, usize> = HashMap::new();
        for waiting in &self.waiting {
            *room.entry(waiting.fetch.worker.clone()).or_default() += waiting.fetch.max;
        }
        let touched = self.activity.take();
        let (store, group) = (&*self.store, &self.group);
        let reading = self.lanes.values_mut().filter_map(|work| {
            work.more |= touched.contains(work.lane);
            let worker = work.state.owner.as_ref().map(|owner| &owner.worker)?;
            let room = *room.get(worker)?;
            if work.draining || work.stale {
                return None;
            }
            work.wake(now_ms);
            Some(work.prepare(store, group, room))
        });
        for read in join_all(reading).await {
            read?;
        }
        let mut lost = Vec::new();
        let lanes: Vec<Lane> = self.lanes.keys().copied().collect();
        self.turn = self.turn.wrapping_add(1);
        for (at, waiting) in self.waiting.iter().enumerate() {
            let mut fetched = Fetched::default();
            let own: Vec<Lane> =
                lanes.iter().copied().filter(|lane| self.lanes[lane].is_of(&waiting.fetch.worker)).collect();
            let mut left = waiting.fetch.max;
            for (i, lane) in own.iter().cycle().skip(self.turn % own.len().max(1)).take(own.len()).enumerate()
            {
                let Some(work) = self.lanes.get_mut(lane).filter(|work| !work.draining && !work.stale) else {
                    continue;
                };
                fetched.gaps.append(&mut work.gaps);
                // An equal share first, so that one full lane does not keep the others from going on.
                let share = left.div_ceil(own.len() - i);
                fetched.deliveries.extend(work.give(share, now_ms, until, max_attempts, &mut lost));
                left = waiting.fetch.max - fetched.deliveries.len();
            }
            round.given.push((at, fetched));
        }
        self.bury(lost).await
    }

    /// Stores every changed lane.
    async fn store(&mut self, round: &mut Round) -> Result<(), Error> {
        for _ in 0..TRIES {
            let dirty: Vec<(Lane, String, bytes::Bytes, Option<headwater_store::Version>)> = self
                .lanes
                .values()
                .filter(|work| work.dirty)
                .map(|work| (work.lane, keys::lane(&self.group, work.lane), work.encoded(), work.version))
                .collect();
            if dirty.is_empty() {
                return Ok(());
            }
            self.last_write = Some(Instant::now());
            let store = &self.store;
            let writes = dirty.into_iter().map(|(lane, key, value, version)| async move {
                (lane, store.put(&key, value, version).await)
            });
            let (mut changed, mut failed) = (Vec::new(), None);
            for (lane, written) in join_all(writes).await {
                let Some(work) = self.lanes.get_mut(&lane) else { continue };
                work.dirty = false;
                match written {
                    Ok(version) => (work.version, work.seen) = (Some(version), Instant::now()),
                    Err(StoreError::Conflict { .. }) => changed.push(lane),
                    Err(error) => {
                        work.stale = true;
                        failed = Some(error);
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
            if changed.is_empty() {
                return Ok(());
            }
            self.again(round, &changed).await?;
        }
        Err(StoreError::unavailable("other processes keep changing the group's lanes").into())
    }

    /// Somebody else has changed some lanes: what the round did to them is undone, and done again on what they are now.
    async fn again(&mut self, round: &mut Round, lanes: &[Lane]) -> Result<(), Error> {
        for (_, fetched) in &mut round.given {
            fetched.deliveries.retain(|leased| !lanes.contains(&leased.lease.lane));
        }
        for lane in lanes {
            self.load(*lane).await?;
        }
        let mut lost = Vec::new();
        for at in 0..round.settles.len() {
            for i in 0..round.settles[at].settlements.len() {
                if lanes.contains(&round.settles[at].settlements[i].lease.lane) {
                    let settlement = &round.settles[at].settlements[i];
                    let result = self.settle_one(settlement, &mut lost).await?;
                    round.settles[at].results[i] = result;
                }
            }
        }
        for (raised, _) in &round.raises {
            for (lane, run, letter) in raised.iter().filter(|(lane, ..)| lanes.contains(lane)) {
                if let Some(work) = self.lanes.get_mut(lane) {
                    work.raise(run.clone(), *letter);
                }
            }
        }
        self.bury(lost).await
    }

    fn answer(&mut self, round: Round) {
        for settling in round.settles {
            let _ = settling.answer.send(Ok(settling.results));
        }
        for (leases, answer) in round.extends {
            let held = |lease: &Lease| match self.lanes.get(&lease.lane) {
                Some(work) => work.holds(lease),
                None => Err(Refused::NotHeld),
            };
            let _ = answer.send(Ok(leases.iter().map(held).collect()));
        }
        for (_, answer) in round.leaves {
            let _ = answer.send(Ok(()));
        }
        for (_, answer) in round.raises {
            let _ = answer.send(Ok(()));
        }
        let now = Instant::now();
        let mut given: HashMap<usize, Fetched> = round.given.into_iter().collect();
        let waiting = std::mem::take(&mut self.waiting);
        for (at, waiting) in waiting.into_iter().enumerate() {
            let fetched = given.remove(&at).unwrap_or_default();
            let nothing = fetched.deliveries.is_empty() && fetched.gaps.is_empty();
            if nothing && now < waiting.until && !waiting.answer.is_closed() {
                self.waiting.push(waiting);
                continue;
            }
            // A worker that waits for an answer lives.
            let session = waiting.fetch.session.unwrap_or_default();
            self.workers.hear(&waiting.fetch.worker, session, now);
            if let Err(Ok(fetched)) = waiting.answer.send(Ok(fetched)) {
                // Whoever asked has gone: what it was to get has not been tried.
                self.orphans.extend(fetched.deliveries.iter().map(|leased| leased.lease));
                self.tell_later(fetched.gaps);
            }
        }
        for waiting in &self.waiting {
            let session = waiting.fetch.session.unwrap_or_default();
            self.workers.hear(&waiting.fetch.worker, session, now);
        }
    }

    fn take_back(&mut self) {
        for lease in std::mem::take(&mut self.orphans) {
            if let Some(work) = self.lanes.get_mut(&lease.lane) {
                work.take_back(&lease);
            }
        }
    }

    fn tell_later(&mut self, gaps: Vec<GroupGap>) {
        for gap in gaps {
            if let Some(work) = self.lanes.get_mut(&Lane(gap.lane)) {
                work.gaps.push(gap);
            }
        }
    }

    /// The round came to nothing: everybody is told, and what was changed is loaded again before it is used.
    fn fail(&mut self, round: Round, error: &Error) {
        tracing::warn!(group = %self.group, %error, "a group's round failed");
        for work in self.lanes.values_mut() {
            work.stale |= work.dirty;
            work.dirty = false;
        }
        for (_, fetched) in round.given {
            // Stored or not: nobody has got it.
            self.orphans.extend(fetched.deliveries.iter().map(|leased| leased.lease));
            self.tell_later(fetched.gaps);
        }
        for settling in round.settles {
            let _ = settling.answer.send(Err(again(error)));
        }
        for (_, answer) in round.extends {
            let _ = answer.send(Err(again(error)));
        }
        for (_, answer) in round.leaves {
            let _ = answer.send(Err(again(error)));
        }
        for (_, answer) in round.raises {
            let _ = answer.send(Err(again(error)));
        }
        for waiting in std::mem::take(&mut self.waiting) {
            let _ = waiting.answer.send(Err(again(error)));
        }
        self.last_write = Some(Instant::now());
    }
}

/// The same error once more.
fn again(error: &Error) -> Error {
    match error {
        Error::NoGroup => Error::NoGroup,
        Error::Store(StoreError::Closed) => StoreError::Closed.into(),
        Error::Store(StoreError::Full { reason }) => StoreError::Full { reason: reason.clone() }.into(),
        other => StoreError::unavailable(other).into(),
    }
}
