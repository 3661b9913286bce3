//! A worker as it is set up.

use std::{fmt, sync::Arc, time::Duration};

use headwater_broker::{ConsumerGroups, Group, GroupConfig, GroupGap, Start, WorkerName};

use super::{Link, Report, Status, meters::Meters, pool::Pool, run::Run, status::Board};
use crate::{Backoff, Error, Handler, Layer, Policy, Random};

/// Handles the events of one group: see the crate's documentation.
pub struct Worker {
    pub(super) run: Run,
}

/// Sets a worker up. Everything has a default.
pub struct Builder {
    groups: Arc<dyn ConsumerGroups>,
    group: Group,
    name: Option<WorkerName>,
    create: Option<(Start, GroupConfig)>,
    concurrency: usize,
    policy: Policy,
    drain_timeout: Duration,
    broker_backoff: Backoff,
    random: Random,
    layers: Vec<Arc<dyn Layer>>,
    on_gap: Option<OnGap>,
}

pub(super) type OnGap = Arc<dyn Fn(&GroupGap) + Send + Sync>;

impl Worker {
    /// A worker of a group, over any broker: in this process or far away.
    #[must_use]
    pub fn builder(groups: Arc<dyn ConsumerGroups>, group: Group) -> Builder {
        Builder {
            groups,
            group,
            name: None,
            create: Some((Start::Earliest, GroupConfig::default())),
            concurrency: 64,
            policy: Policy::new(),
            drain_timeout: Duration::from_secs(30),
            broker_backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(10)),
            random: Random::new(),
            layers: Vec::new(),
            on_gap: None,
        }
    }

    /// The group it works for.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.run.pool.link.group
    }

    /// How it is doing, as it changes.
    #[must_use]
    pub fn status(&self) -> tokio::sync::watch::Receiver<Status> {
        self.run.pool.link.status.subscribe()
    }

    /// Works until `stop` is ready, then drains: fetches nothing more, lets handlers finish as long as the drain
    /// timeout allows, tells the group what became of everything, and hands back the rest.
    ///
    /// A broker that is away is waited for. Dropping the future drops the handlers; their events come again when their
    /// leases have passed.
    ///
    /// # Errors
    /// The broker refuses for good: the group cannot be like that, or this process's broker was closed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<Report, Error> {
        self.run.run(stop).await
    }
}

impl Builder {
    /// What the worker is called. It keeps its lanes under this name through a short absence. Default: a name that no
    /// other process has.
    #[must_use]
    pub fn name(mut self, name: WorkerName) -> Self {
        self.name = Some(name);
        self
    }

    /// How the group begins where there is none yet. A group that is there stays as it is. Default: at the earliest
    /// event, with the defaults of groups.
    #[must_use]
    pub fn create(mut self, start: Start, config: GroupConfig) -> Self {
        self.create = Some((start, config));
        self
    }

    /// Waits for the group where there is none yet.
    #[must_use]
    pub fn do_not_create(mut self) -> Self {
        self.create = None;
        self
    }

    /// How many events are handled at once, each of another run: 64.
    #[must_use]
    pub const fn concurrency(mut self, events: usize) -> Self {
        self.concurrency = events;
        self
    }

    /// What becomes of events that were not handled.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How long handlers may go on once the worker is to stop: 30 s.
    #[must_use]
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How long to wait before asking a broker again that did not answer: from 100 ms to 10 s.
    #[must_use]
    pub const fn broker_backoff(mut self, backoff: Backoff) -> Self {
        self.broker_backoff = backoff;
        self
    }

    /// Where the spread of waits comes from.
    #[must_use]
    pub fn random(mut self, random: Random) -> Self {
        self.random = random;
        self
    }

    /// Puts a layer around the handler. The first one is the outermost.
    #[must_use]
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers.push(Arc::new(layer));
        self
    }

    /// Is told of what the group will never see. Gaps are logged and counted in any case.
    #[must_use]
    pub fn on_gap(mut self, told: impl Fn(&GroupGap) + Send + Sync + 'static) -> Self {
        self.on_gap = Some(Arc::new(told));
        self
    }

    /// The worker.
    ///
    /// # Errors
    /// [`Error::BadWorker`] where it cannot be like that.
    pub fn build(self, handler: impl Handler) -> Result<Worker, Error> {
        let bad = |detail: &str| Err(Error::BadWorker { detail: detail.to_owned() });
        if self.concurrency == 0 || self.concurrency > 100_000 {
            return bad("a worker's concurrency must be between 1 and 100,000");
        }
        if let Some((_, config)) = &self.create {
            config.check()?;
        }
        let session = self.random.bits();
        let name = match self.name {
            Some(name) => name,
            None => match WorkerName::new(format!("w-{}-{:08x}", std::process::id(), session >> 32)) {
                Ok(name) => name,
                Err(error) => return bad(&error.to_string()),
            },
        };
        let mut handler: Arc<dyn Handler> = Arc::new(handler);
        for layer in self.layers.iter().rev() {
            handler = layer.wrap(handler);
        }
        let link = Link {
            groups: self.groups,
            meters: Meters::new(&self.group),
            group: Arc::new(self.group),
            random: self.random,
            backoff: self.broker_backoff,
            status: Board::new(),
        };
        let pool = Pool::new(self.concurrency, handler, self.policy, link);
        let run = Run {
            pool: Arc::new(pool),
            name,
            session,
            create: self.create,
            drain_timeout: self.drain_timeout,
            on_gap: self.on_gap,
        };
        Ok(Worker { run })
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("group", self.group())
            .field("name", &self.run.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("group", &self.group).finish_non_exhaustive()
    }
}
