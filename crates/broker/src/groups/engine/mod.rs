//! A group at work in one process: one task, that does everything in rounds.
//!
//! ```text
//!   calls ──► take what has come ──► settle, bury, give ──► store what changed ──► answer
//!                     └────────────── meanwhile, with the lanes that are not being stored ──┘
//! ```
//!
//! A round changes lanes in memory, stores each changed lane with one compare-and-set, and answers afterwards. Until
//! they are stored its lanes are its own: what is asked of them waits, in order, so that nothing is built on a state
//! that may not come to be. A lane that another process changed meanwhile is loaded again: what was settled is settled
//! once more on the new state, what was given out of it was not handed to anybody and is forgotten. A lane that was
//! stored rests for a moment, the longer the more it holds, so that the calls of many workers share a write.
//!
//! What concerns all lanes (who has which, what others have stored) is done when none is being stored. The log is read
//! ahead beside all this.

mod answers;
mod busy;
mod calls;
mod expiry;
mod reads;
mod upkeep;
mod verdicts;
mod wake;
mod writes;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use headwater_events::{Lane, Position, Tenant};
use headwater_store::{Backoff, Clock, Store};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};

use self::{busy::Busy, reads::ReadAhead, writes::Written};
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

/// How long a lane rests at most between two writes.
const INTERVAL: Duration = Duration::from_millis(10);
/// How many calls are taken at once, and how many may wait for their lanes.
const CALLS: usize = 1024;
/// How often a lane that others keep changing is tried in a round.
const TRIES: usize = 8;
/// How long a group that nobody asks for stays at work.
const IDLE: Duration = Duration::from_secs(60);
/// How long rounds wait after one has failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

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
    /// What is said of deliveries whose lanes are busy, in order.
    words: VecDeque<Word>,
    asked: Asked,
    /// Deliveries that nobody has got.
    orphans: Vec<Lease>,
    activity: Activity,
    writes: FuturesUnordered<BoxFuture<'static, Written>>,
    reads: JoinSet<ReadAhead>,
    next_look: Instant,
    next_expiry: Instant,
    /// No round before this time: the last one failed.
    not_before: Instant,
    pauses: Backoff,
    last_call: Instant,
    turn: usize,
    /// The group is deleted, or its store closed.
    gone: bool,
}

/// What waits until no lane is being stored.
#[derive(Default)]
struct Asked {
    look: bool,
    /// A lane has become free, or somebody has one too many.
    share: bool,
    leaves: Vec<(WorkerName, Answer<()>)>,
    raises: Vec<(Raised, Answer<()>)>,
}

/// A worker that waits for work.
struct Waiting {
    fetch: Fetch,
    since: Instant,
    until: Instant,
    answer: Answer<Fetched>,
}

/// What a worker says of its deliveries.
enum Word {
    Settle(Settling),
    Extend(Vec<Lease>, Answer<Results>),
}

struct Settling {
    settlements: Vec<Settlement>,
    results: Results,
    answer: Answer<Results>,
}

/// What one round has done and not said.
#[derive(Default)]
struct Round {
    settles: Vec<Settling>,
    extends: Vec<(Vec<Lease>, Answer<Results>)>,
    given: Vec<(Waiting, Fetched)>,
    leaves: Vec<(WorkerName, Answer<()>)>,
    /// Workers that left or fell silent.
    gone: Vec<WorkerName>,
    raises: Vec<(Raised, Answer<()>)>,
    /// Dead letters whose time has passed.
    expired: Vec<(Tenant, Vec<Position>)>,
    /// How often it was begun again, because others changed its lanes.
    tries: usize,
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
            words: VecDeque::new(),
            asked: Asked::default(),
            orphans: Vec::new(),
            activity,
            writes: FuturesUnordered::new(),
            reads: JoinSet::new(),
            next_look: now,
            next_expiry: now,
            not_before: now,
            pauses: Backoff::new(PAUSES.0, PAUSES.1),
            last_call: now,
            turn: 0,
            gone: false,
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
        while !self.gone {
            let wakes_at = self.wakes_at();
            tokio::select! {
                Some(written) = self.writes.next(), if !self.writes.is_empty() => self.written(written).await,
                Some(read) = self.reads.join_next(), if !self.reads.is_empty() => self.have_read(read),
                count = calls.recv_many(&mut taken, CALLS), if self.words.len() < CALLS => {
                    if count == 0 {
                        break;
                    }
                    self.last_call = Instant::now();
                    self.take(taken.drain(..));
                }
                () = self.activity.changed(), if !self.waiting.is_empty() => {}
                () = tokio::time::sleep_until(wakes_at) => {}
            }
            self.round().await;
            if self.is_idle() && calls.is_empty() {
                break;
            }
        }
        // Who waits for an answer gets it, but for those who can ask again.
        while let Some(written) = self.writes.next().await {
            self.written(written).await;
        }
    }

    fn lease(&self) -> Duration {
        self.settings.config.lease
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn is_idle(&self) -> bool {
        self.workers.here.is_empty()
            && self.waiting.is_empty()
            && self.writes.is_empty()
            && self.last_call.elapsed() > IDLE
    }

    /// Does what can be done now, and begins to store it.
    async fn round(&mut self) {
        if Instant::now() < self.not_before {
            return;
        }
        let mut round = Round::default();
        match self.fill(&mut round).await {
            Ok(()) => self.store(round).await,
            Err(error) => self.fail(round, &error),
        }
    }

    async fn fill(&mut self, round: &mut Round) -> Result<(), Error> {
        let now = Instant::now();
        if self.wants_quiet(now) {
            if !self.writes.is_empty() {
                // The last one that is being stored wakes.
                return Ok(());
            }
            self.keep_up(round, now).await?;
        }
        let mut busy = self.busy(now);
        self.take_back(&busy);
        self.hand_over(&busy);
        self.hear_words(round, &mut busy).await?;
        self.give(round, &busy).await
    }
}
