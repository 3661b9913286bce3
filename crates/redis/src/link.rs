//! The connections of a store, made again when they are lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use headwater_events::{Epoch, Position};
use headwater_store::{Backoff, Error, Status, StatusKind};
use redis::{Value, aio::MultiplexedConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    RedisOptions,
    checks::Server,
    connect::Connector,
    failure::{self, Failure},
    hello::{self, Identity},
    metric_definitions as names,
    script::Source,
};

/// The shortest and the longest wait before connecting again.
pub(crate) const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));

/// Connections to one start of the server's process.
#[derive(Clone)]
pub(crate) struct Live {
    /// Counts the times connections were made.
    pub(crate) generation: u64,
    /// For reading, for state and for everything short.
    pub(crate) commands: MultiplexedConnection,
    /// For storing, so that a large group does not hold up a read.
    pub(crate) storing: MultiplexedConnection,
    pub(crate) server: Arc<Server>,
}

/// What all parts of a store share.
pub(crate) struct Link {
    pub(crate) options: RedisOptions,
    pub(crate) namespace: String,
    pub(crate) lanes: u16,
    pub(crate) connector: Connector,
    pub(crate) closing: CancellationToken,
    /// Pages that are made ahead.
    pub(crate) ahead: crate::read::Ahead,
    live: watch::Sender<Option<Live>>,
    status: watch::Sender<Status>,
    epoch: AtomicU32,
    salt: AtomicU64,
    /// The last position that this process has heard of.
    seen: AtomicU64,
    closed: AtomicBool,
}

impl Link {
    /// Connects, and begins to keep connected.
    pub(crate) async fn open(
        connector: Connector,
        namespace: String,
        options: RedisOptions,
    ) -> Result<Arc<Self>, Error> {
        let (opened, identity) = connect(&connector, &namespace, &options, 0, Position::ZERO).await?;
        if !opened.server.appends {
            tracing::warn!(
                server = connector.shown(),
                "events do not survive a restart of this Redis: set appendonly to yes"
            );
        } else if !opened.server.safe {
            tracing::warn!(
                server = connector.shown(),
                "the last second of events may be lost with this Redis: set appendfsync to always"
            );
        }
        let status = ready(&connector, &opened);
        let link = Arc::new(Self {
            options,
            namespace,
            lanes: identity.lanes,
            connector,
            closing: CancellationToken::new(),
            ahead: crate::read::Ahead::default(),
            live: watch::Sender::new(Some(opened)),
            status: watch::Sender::new(status),
            epoch: AtomicU32::new(identity.epoch.0),
            salt: AtomicU64::new(identity.salt),
            seen: AtomicU64::new(identity.last.0),
            closed: AtomicBool::new(false),
        });
        metrics::gauge!(names::CONNECTED).set(1.0);
        tokio::spawn(keep(Arc::clone(&link)));
        Ok(link)
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    pub(crate) fn salt(&self) -> u64 {
        self.salt.load(Ordering::Acquire)
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Notes how far the log has come, so that a new numbering begins behind it.
    pub(crate) fn saw(&self, position: Position) {
        self.seen.fetch_max(position.0, Ordering::AcqRel);
    }

    pub(crate) fn seen(&self) -> Position {
        Position(self.seen.load(Ordering::Acquire))
    }

    /// The clock of a test in microseconds, or 0.
    pub(crate) fn clock(&self) -> u64 {
        self.options
            .clock
            .as_ref()
            .map_or(0, |clock| u64::try_from(clock.now().as_microsecond()).unwrap_or(0))
    }

    /// The connections there are, or those that come soon.
    pub(crate) async fn live(&self) -> Result<Live, Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        let mut live = self.live.subscribe();
        let there = tokio::select! {
            there = live.wait_for(Option::is_some) => there.ok().and_then(|live| live.clone()),
            () = self.closing.cancelled() => return Err(Error::Closed),
            () = tokio::time::sleep(self.options.patience) => None,
        };
        there.ok_or_else(|| Error::unavailable(&self.status.borrow().detail))
    }

    /// Says that the connections of a generation are of no use any more.
    pub(crate) fn lost(&self, generation: u64, why: &str) {
        let was = self.live.send_if_modified(|live| {
            let same = live.as_ref().is_some_and(|live| live.generation == generation);
            if same {
                *live = None;
            }
            same
        });
        if was && !self.closing.is_cancelled() {
            tracing::warn!(server = self.connector.shown(), why, "the connection to Redis was lost");
            metrics::gauge!(names::CONNECTED).set(0.0);
            self.say(StatusKind::Away, format!("{}: {why}", self.connector.shown()));
        }
    }

    /// Runs a script that changes nothing, or whose change may be made again: it is, when a connection is lost.
    pub(crate) async fn read(&self, script: &Source, args: &[&[u8]]) -> Result<Value, Error> {
        let begin = tokio::time::Instant::now();
        loop {
            match self.run(script, args, |reason| Error::Unavailable { reason }).await {
                Err(Error::Unavailable { .. }) if begin.elapsed() < self.options.patience => {}
                answer => return answer,
            }
        }
    }

    /// Runs a script that changes something: without an answer the outcome is not known.
    pub(crate) async fn write(&self, script: &Source, args: &[&[u8]]) -> Result<Value, Error> {
        self.run(script, args, |reason| Error::Unknown { reason }).await
    }

    async fn run(
        &self,
        script: &Source,
        args: &[&[u8]],
        without_answer: impl Fn(String) -> Error,
    ) -> Result<Value, Error> {
        for _ in 0..3 {
            let mut live = self.live().await?;
            let epoch = self.epoch().0.to_string();
            let mut all: Vec<&[u8]> = vec![self.namespace.as_bytes(), epoch.as_bytes()];
            all.extend_from_slice(args);
            match script.run(&mut live.commands, &all).await {
                Ok(answer) => return Ok(answer),
                Err(error) => match failure::sort(&error) {
                    Failure::Replaced => self.greet(&mut live).await?,
                    other => return Err(self.failed(other, live.generation, &without_answer)),
                },
            }
        }
        Err(Error::unavailable("the data on the server is replaced again and again"))
    }

    /// What a failure means for the caller; connections that are gone are made anew.
    pub(crate) fn failed(
        &self,
        failure: Failure,
        generation: u64,
        without_answer: &impl Fn(String) -> Error,
    ) -> Error {
        match failure {
            Failure::NoAnswer(why) => {
                self.lost(generation, &why);
                without_answer(format!("{}: {why}", self.connector.shown()))
            }
            Failure::NotThere(why) => {
                self.lost(generation, &why);
                Error::unavailable(format_args!("{}: {why}", self.connector.shown()))
            }
            Failure::Restarted | Failure::Replaced => {
                self.lost(generation, "the server was replaced");
                Error::unavailable("the server was replaced")
            }
            Failure::Full(reason) => Error::Full { reason },
            Failure::Refused(reason) => Error::config(reason),
            Failure::Damaged(reason) => Error::corrupt(None, reason),
        }
    }

    /// Takes notice of data that was replaced under a running server.
    pub(crate) async fn greet(&self, live: &mut Live) -> Result<(), Error> {
        let identity =
            hello::greet(&mut live.commands, &live.server, &self.namespace, &self.options, self.seen())
                .await?;
        self.know(&identity);
        Ok(())
    }

    fn know(&self, identity: &Identity) {
        let before = self.epoch.swap(identity.epoch.0, Ordering::AcqRel);
        self.salt.store(identity.salt, Ordering::Release);
        self.saw(identity.last);
        if before != identity.epoch.0 {
            tracing::warn!(
                server = self.connector.shown(),
                before = %Epoch(before), now = %identity.epoch,
                "the data on this Redis was replaced: positions begin anew"
            );
        }
        if identity.lanes != self.lanes {
            tracing::error!(
                had = self.lanes,
                found = identity.lanes,
                "the log has another number of lanes now"
            );
        }
    }

    fn say(&self, kind: StatusKind, detail: String) {
        self.status.send_if_modified(|status| {
            let open = status.kind != StatusKind::Closed;
            if open {
                *status = Status { kind, detail };
            }
            open
        });
    }

    /// Lets everything go. Gives whether it was open.
    pub(crate) fn close(&self) -> bool {
        if self.closed.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.closing.cancel();
        self.live.send_replace(None);
        self.say(StatusKind::Closed, "closed".to_owned());
        true
    }

    /// Refuses new calls; what is under way goes on.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

fn ready(connector: &Connector, live: &Live) -> Status {
    Status { kind: StatusKind::Ready, detail: format!("{} at {}", live.server.version, connector.shown()) }
}

/// Makes both connections and greets the log.
async fn connect(
    connector: &Connector,
    namespace: &str,
    options: &RedisOptions,
    generation: u64,
    seen: Position,
) -> Result<(Live, Identity), Error> {
    metrics::counter!(names::ATTEMPTS).increment(1);
    let at = connector.find().await?;
    let (mut commands, server) = connector.open(&at, None).await?;
    let identity = hello::greet(&mut commands, &server, namespace, options, seen).await?;
    let (storing, again) = connector.open(&at, None).await?;
    if again.run_id != server.run_id {
        return Err(Error::unavailable("the server was started anew while it was connected to"));
    }
    Ok((Live { generation, commands, storing, server: Arc::new(server) }, identity))
}

/// Connects again whenever the connections are lost, until the store is closed.
async fn keep(link: Arc<Link>) {
    let mut live = link.live.subscribe();
    let mut generation = 0;
    loop {
        tokio::select! {
            gone = live.wait_for(Option::is_none) => if gone.is_err() { return },
            () = link.closing.cancelled() => return,
        }
        generation += 1;
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = link.closing.cancelled() => return,
            }
            let attempt = connect(&link.connector, &link.namespace, &link.options, generation, link.seen());
            let attempt = tokio::select! {
                attempt = attempt => attempt,
                () = link.closing.cancelled() => return,
            };
            match attempt {
                Ok((opened, identity)) => {
                    link.know(&identity);
                    metrics::counter!(names::RECONNECTS).increment(1);
                    metrics::gauge!(names::CONNECTED).set(1.0);
                    tracing::info!(server = link.connector.shown(), "connected to Redis again");
                    let status = ready(&link.connector, &opened);
                    link.live.send_replace(Some(opened));
                    link.say(status.kind, status.detail);
                    break;
                }
                Err(error) => {
                    tracing::debug!(server = link.connector.shown(), %error, "Redis is away");
                    link.say(StatusKind::Away, error.to_string());
                }
            }
            pause = backoff.next();
        }
    }
}
