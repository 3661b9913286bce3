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

mod answers;
mod expiry;
mod upkeep;
mod verdicts;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use headwater_events::{Lane, Position, Tenant};
use headwater_store::{Clock, Error as StoreError, Store};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    activity::Activity,
    lane::LaneWork,
    lease::Lease,
    run::Run,
    state::Reopened,
    stored::{Settings, Stored},
    workers::Workers,
};
use crate::{
    Error,
    api::groups::{Fetch, Fetched, Group, Refused, Settlement, WorkerName},
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
    next_expiry: Instant,
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
    /// Dead letters whose time has passed.
    expired: Vec<(Tenant, Vec<Position>)>,
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
            next_expiry: now,
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
        self.expire_letters(round, now).await?;
        self.load_stale().await?;
        self.take_back();
        self.share_out(now);
        let mut lost = self.expire(now);
        self.settle(round, &mut lost).await?;
        self.bury(lost).await?;
        self.give(round).await?;
        self.store(round).await?;
        let expired = std::mem::take(&mut round.expired);
        self.answer(std::mem::take(round));
        self.end_expired(&expired).await;
        Ok(())
    }
}
