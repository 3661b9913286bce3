//! What goes on in the background: following, giving up what waits too long, noticing that the topics are others.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use headwater_events::Epoch;
use headwater_store::{Error, StatusKind};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    aside::Aside,
    engine::{Engine, EngineRef},
    follower, metric_definitions, runs,
    state::{self, Kind},
    store::Shared,
};

/// How often appends that wait are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often a server that is away is asked whether it is back.
const PROBE: Duration = Duration::from_secs(1);
/// How often one that answers is asked whether it still does.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After how long without an answer it counts as away.
const SILENCE: Duration = Duration::from_secs(3);
/// How often retention and old deletions are looked at.
const SWEEP: Duration = Duration::from_secs(10);
/// How often the records of runs are saved at most, and how far a lane must have come for it.
const SAVE: Duration = Duration::from_secs(1);
const WORTH_SAVING: u64 = 1000;
/// How often the topics' identity is looked at without a reason to.
const CHECK: Duration = Duration::from_secs(30);
/// How often it is looked at with one.
const DOUBT: Duration = Duration::from_millis(200);
/// How long topics that cannot be opened are left alone.
const REOPEN: Duration = Duration::from_secs(1);
/// How long a deletion is remembered: far longer than a write can be on its way.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Keeps one engine after the other until it is aborted. Tells once the first has caught up with its topics.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut engine: EngineRef,
    ready: oneshot::Sender<Result<(), Error>>,
) {
    let mut ready = Some(ready);
    loop {
        let _follower = Follower(tokio::spawn(follower::run(Arc::clone(&engine))));
        tokio::spawn(give_up(Arc::downgrade(&engine)));
        let caught_up = settle(&engine).await;
        if let Some(ready) = ready.take() {
            let _ = ready.send(caught_up);
        }
        if !shared.enter(&engine) {
            return;
        }
        keep(&shared, &engine).await;
        metrics::counter!(metric_definitions::RESETS).increment(1);
        tracing::warn!(topic = shared.options.topic, "the topic was deleted or replaced");
        if !shared.leave() {
            return;
        }
        // Nobody else would end the wait of appends that are on their way to the old one.
        engine.producer.give_up(Duration::ZERO);
        // Who follows goes on in the next one.
        engine.logs().iter().for_each(|log| log.ring.close());
        engine = reopen(&shared).await;
    }
}

/// The follower's task: it ends with its engine.
struct Follower(JoinHandle<()>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Gives up appends that wait too long, as long as anybody has the engine. It waits for nothing itself: everything else
/// that goes on here may wait for an append of its own, or for a server that does not answer.
async fn give_up(engine: Weak<Aside<Engine>>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(engine) = engine.upgrade() {
        engine.producer.give_up(engine.options.append_timeout);
        drop(engine);
        ticks.tick().await;
    }
}

/// Makes the engine fit for use.
async fn settle(engine: &Engine) -> Result<(), Error> {
    if engine.identity.log.is_none() {
        name_epoch(engine).await?;
    }
    catch_up(engine).await
}

/// The log of a topic that somebody else made has its epoch in the state: whoever is first names it.
async fn name_epoch(engine: &Engine) -> Result<(), Error> {
    let own = engine.epoch().0.to_be_bytes().to_vec();
    match state::store::write(engine, Kind::Own, state::EPOCH, Some(own.into()), None).await {
        Ok(_) => Ok(()),
        Err(Error::Conflict { .. }) => {
            engine.set_epoch(engine.state.epoch().map_or(engine.epoch(), Epoch));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Waits until the follower has come to where the topics end now, however long that takes.
async fn catch_up(engine: &Engine) -> Result<(), Error> {
    let ends = engine.ends.now().await?;
    let all = async {
        for (lane, end) in ends.lanes() {
            // Whoever waits for the opening decides how long that may take.
            while let Err(error) = engine.caught_up(lane, end).await {
                tracing::info!(%lane, reached = %engine.reached(lane), %end, %error, "reading the log");
            }
        }
    };
    tokio::select! {
        () = all => Ok(()),
        error = engine.refused() => Err(error),
    }
}

/// Returns when the topics are no longer those of the engine.
async fn keep(shared: &Shared, engine: &Engine) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut doubtful = false;
    let [mut probed, mut saved, mut swept, mut checked] = [Instant::now(); 4];
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = engine.doubt.notified() => doubtful = true,
        }
        if checked.elapsed() > if doubtful { DOUBT } else { CHECK } {
            let seen = look_at(engine).await;
            if seen == Topics::Replaced {
                return;
            }
            (checked, doubtful) = (Instant::now(), seen == Topics::Doubtful);
        }
        if engine.producer.waited().is_some_and(|waited| waited > SILENCE) {
            shared.health.away(&silent(engine));
        }
        if probed.elapsed() > if shared.health.is_away() { PROBE } else { HEARTBEAT } {
            probed = Instant::now();
            // An answer, and an error too, changes the status.
            if tokio::time::timeout(SILENCE, engine.ends.now()).await.is_err() {
                shared.health.away(&silent(engine));
            }
        }
        if shared.health.is_away() {
            continue;
        }
        if saved.elapsed() > SAVE {
            saved = Instant::now();
            engine.readers.rest();
            report("saving the records of runs", runs::save(engine, WORTH_SAVING).await);
        }
        if swept.elapsed() > SWEEP {
            swept = Instant::now();
            sweep(engine).await;
        }
    }
}

fn silent(engine: &Engine) -> String {
    format!("kafka at {} has not answered for {} s", engine.names.servers, SILENCE.as_secs())
}

async fn sweep(engine: &Engine) {
    if let Ok(begins) = engine.ends.begins().await {
        for (lane, low) in begins.lanes() {
            if let Some(log) = engine.lane(lane) {
                log.raise_low(low);
            }
        }
    }
    report("forgetting runs", runs::drop_removed(engine).await);
    let remembered = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
    let now = engine.options.clock.now().as_millisecond();
    state::store::sweep(engine, now.saturating_sub(remembered)).await;
}

fn report(doing: &str, done: Result<(), Error>) {
    if let Err(error) = done {
        tracing::debug!(%error, "{doing}");
    }
}

/// What is known of the topics' identity.
#[derive(Debug, PartialEq, Eq)]
enum Topics {
    Same,
    Replaced,
    /// The server does not say.
    Doubtful,
}

/// Whether the topics are gone, others, or shorter than they were.
async fn look_at(engine: &Engine) -> Topics {
    match engine.topics.identity().await {
        Ok(identity) if identity == engine.identity => {}
        // No answer for a topic that is not there, or another number.
        Ok(_) => return Topics::Replaced,
        Err(error) => {
            tracing::debug!(%error, "looking at the topics");
            return if engine.topics.are_missing().await { Topics::Replaced } else { Topics::Doubtful };
        }
    }
    match engine.ends.now().await {
        Ok(ends) if ends.lanes().any(|(lane, end)| engine.reached(lane) > end) => Topics::Replaced,
        Ok(_) => Topics::Same,
        Err(_) => Topics::Doubtful,
    }
}

/// Opens the topics again, making them where they are not there.
async fn reopen(shared: &Shared) -> EngineRef {
    loop {
        match Engine::open(&shared.options, &shared.health).await {
            Ok(engine) => {
                shared.health.well(&shared.options.servers.join(","));
                return Arc::new(Aside::new(engine));
            }
            Err(error) => shared.health.away(&error.to_string()),
        }
        if shared.health.watch().borrow().kind == StatusKind::Closed {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(REOPEN).await;
    }
}
