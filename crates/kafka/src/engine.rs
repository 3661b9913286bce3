//! Everything that belongs to one incarnation of the topics.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use headwater_events::{Epoch, Lane, Position, StreamName, Tenant, lane_of};
use headwater_store::{Error, RunRecord};
use rdkafka::{
    Message,
    consumer::{BaseConsumer, StreamConsumer},
    types::RDKafkaErrorCode,
};
use tokio::sync::{Notify, watch};

use crate::{
    KafkaOptions,
    aside::Aside,
    config,
    context::Context,
    ends::{Bounds, Ends},
    failure::{explain, explain_code},
    follower,
    health::Health,
    lane_log::LaneLog,
    lasting::Lasting,
    names::Names,
    producer::Producer,
    random::random,
    read::{self, Pool},
    runs::{self, Runs},
    state::State,
    topic::{Identity, Topics},
};

/// After how long it is looked whether there is anything to wait for: a lane may end in places without records, such as
/// the markers of somebody else's transactions.
const VOID: Duration = Duration::from_secs(1);

/// An engine as it is shared: its end, which waits for the threads of its clients, holds up nobody.
pub(crate) type EngineRef = Arc<Aside<Engine>>;

/// Connections to the topics, and what is known of them.
pub(crate) struct Engine {
    pub(crate) options: Arc<KafkaOptions>,
    pub(crate) names: Names,
    pub(crate) topics: Topics,
    pub(crate) identity: Identity,
    /// That of the topic; of one that somebody else made, the one that is kept in the state.
    epoch: AtomicU32,
    logs: Box<[LaneLog]>,
    pub(crate) runs: Runs,
    pub(crate) state: State,
    pub(crate) state_reached: watch::Sender<Position>,
    pub(crate) producer: Producer,
    pub(crate) follower: Lasting<StreamConsumer<Context>>,
    pub(crate) ends: Ends,
    pub(crate) readers: Pool,
    /// Why the follower gets nothing, where waiting does not help.
    refused: watch::Sender<Option<RDKafkaErrorCode>>,
    /// Somebody has reason to think that the topics are gone or others.
    pub(crate) doubt: Notify,
}

impl Engine {
    /// Makes and checks the topics, and reads what must be known of them.
    pub(crate) async fn open(options: &Arc<KafkaOptions>, health: &Arc<Health>) -> Result<Self, Error> {
        let names = Names::new(options);
        let context = |role| Context::new(role, health, &names.servers);
        let asking = context("topics");
        let client: Lasting<BaseConsumer<Context>> = Lasting::open(config::asking(options)?, asking.clone())
            .map_err(|error| explain(&names, "opening a connection", &error))?;
        let client = Arc::new(client);
        let topics = Topics::new(options, &names, &asking, &client)?;
        let identity = topics.open(options).await?;
        let producer = Producer::new(options, &names, context("producer"))?;
        let follower: Lasting<StreamConsumer<Context>> =
            Lasting::open(config::follower(options)?, context("follower"))
                .map_err(|error| explain(&names, "opening the follower", &error))?;
        let lanes = options.lanes;
        let ends = Ends::new(client, names.clone(), lanes, options.request_timeout);
        let (begins, now) = (ends.begins().await?, ends.now().await?);
        let (state, mut saved) = (State::new(), Vec::new());
        follower::load_state(&follower.get(), &names, now.state(), options.request_timeout, |message| {
            state.take(message);
            saved.extend(message.key().and_then(|key| runs::parse(key, message.payload())));
        })
        .await?;
        let epoch = identity.log.or_else(|| state.epoch()).unwrap_or_else(|| (random() >> 32) as u32);
        let runs = Runs::new(lanes);
        saved.into_iter().filter(|(of, _)| of.0 == epoch).for_each(|(_, saved)| runs.take_saved(saved));
        let from = |lane, low: Position| runs.mark(lane).max(low).min(now.lane(lane));
        let ring_bytes = options.ring_bytes / usize::from(lanes.max(1));
        let logs = begins.lanes().map(|(lane, low)| LaneLog::new(from(lane, low), low, ring_bytes)).collect();
        let readers = Pool::new(options, &names, context("reader"))?;
        let from = begins.lanes().map(|(lane, low)| (lane, from(lane, low)));
        follower::assign(&follower.get(), &names, from, now.state())
            .map_err(|error| explain(&names, "following", &error))?;
        Ok(Self {
            options: Arc::clone(options),
            names,
            topics,
            identity,
            epoch: AtomicU32::new(epoch),
            logs,
            runs,
            state,
            state_reached: watch::Sender::new(now.state()),
            producer,
            follower,
            ends,
            readers,
            refused: watch::Sender::new(None),
            doubt: Notify::new(),
        })
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    /// Another process was first to name it.
    pub(crate) fn set_epoch(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::SeqCst);
    }

    pub(crate) fn lanes(&self) -> u16 {
        self.options.lanes
    }

    pub(crate) fn lane(&self, lane: Lane) -> Option<&LaneLog> {
        self.logs.get(usize::from(lane.0))
    }

    pub(crate) fn logs(&self) -> &[LaneLog] {
        &self.logs
    }

    /// The lane of a run.
    pub(crate) fn lane_of(&self, tenant: &Tenant, stream: &StreamName) -> Lane {
        lane_of(tenant.as_str(), stream.as_str(), self.lanes())
    }

    /// A run's record with what retention has taken of it; `None` where it has taken everything.
    pub(crate) fn run_with_losses(&self, lane: Lane, run: Option<RunRecord>) -> Option<RunRecord> {
        let mut run = run?;
        let low = self.lane(lane).map_or(Position::ZERO, LaneLog::low);
        if run.first <= low {
            (run.removed, run.trimmed) = (low, low);
        }
        (run.last > low).then_some(run)
    }

    pub(crate) fn reached(&self, lane: Lane) -> Position {
        self.lane(lane).map_or(Position::ZERO, LaneLog::reached)
    }

    /// Waits until the follower has taken in everything up to `position` of a lane.
    pub(crate) async fn caught_up(&self, lane: Lane, position: Position) -> Result<(), Error> {
        let Some(log) = self.lane(lane) else { return Ok(()) };
        if tokio::time::timeout(VOID, log.wait(position)).await.is_err()
            && read::is_void(self, lane, log.reached()).await.unwrap_or(false)
        {
            log.reach(position);
        }
        self.in_time(log.wait(position)).await
    }

    /// Waits until the follower has taken in everything up to these ends.
    pub(crate) async fn caught_up_all(&self, ends: &Bounds) -> Result<(), Error> {
        for (lane, end) in ends.lanes() {
            self.caught_up(lane, end).await?;
        }
        Ok(())
    }

    /// Waits until the follower has taken in the state up to `position`.
    pub(crate) async fn state_caught_up(&self, position: Position) -> Result<(), Error> {
        let mut reached = self.state_reached.subscribe();
        self.in_time(async move { drop(reached.wait_for(|reached| *reached >= position).await) }).await
    }

    async fn in_time(&self, wait: impl Future<Output = ()>) -> Result<(), Error> {
        tokio::time::timeout(self.options.request_timeout, wait).await.map_err(|_| {
            Error::unavailable(format_args!("kafka at {} sends nothing to the follower", self.names.servers))
        })
    }

    pub(crate) fn take_state(&self, message: &impl Message) {
        self.state.take(message);
        let saved = message.key().and_then(|key| runs::parse(key, message.payload()));
        if let Some((_, saved)) = saved.filter(|(epoch, _)| *epoch == self.epoch()) {
            self.runs.take_saved(saved);
        }
    }

    pub(crate) fn reach_state(&self, position: Position) {
        self.state_reached.send_if_modified(|reached| {
            let further = position > *reached;
            *reached = position.max(*reached);
            further
        });
    }

    /// The follower is refused what it asks for.
    pub(crate) fn refuse(&self, code: RDKafkaErrorCode) {
        let error = explain_code(&self.names, "reading", code);
        self.follower.context().health().away(&error.to_string());
        self.refused.send_replace(Some(code));
    }

    /// Waits until the follower is refused what it asks for.
    pub(crate) async fn refused(&self) -> Error {
        let mut refused = self.refused.subscribe();
        let code = refused.wait_for(Option::is_some).await.ok().and_then(|code| *code);
        explain_code(&self.names, "reading", code.unwrap_or(RDKafkaErrorCode::TopicAuthorizationFailed))
    }

    /// Has somebody look whether the topics are still the same.
    pub(crate) fn look_at_topics(&self) {
        self.doubt.notify_one();
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("names", &self.names)
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}
