//! What goes on in the background: following, giving up what waits too long, noticing that the topics are others.

use std::{sync::Arc, time::Duration};

use headwater_store::{Error, StatusKind};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{engine::Engine, follower, metric_definitions, state, store::Shared};

/// How often appends that wait are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often a server that is away is asked whether it is back.
const PROBE: Duration = Duration::from_secs(1);
/// How often retention and old deletions are looked at.
const SWEEP: Duration = Duration::from_secs(10);
/// How long topics that cannot be opened are left alone.
const REOPEN: Duration = Duration::from_secs(1);
/// How long a deletion is remembered: far longer than a write can be on its way.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Keeps one engine after the other until it is aborted. Tells once the first has caught up with its topics.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut engine: Arc<Engine>,
    ready: oneshot::Sender<Result<(), Error>>,
) {
    let mut ready = Some(ready);
    loop {
        let _follower = Follower(tokio::spawn(follower::run(Arc::clone(&engine))));
        let caught_up = catch_up(&engine).await;
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

/// Waits until the follower has come to where the topics end now, however long that takes.
async fn catch_up(engine: &Engine) -> Result<(), Error> {
    let ends = engine.ends.now().await?;
    for (lane, end) in ends.lanes() {
        if let Some(log) = engine.lane(lane) {
            log.wait(end).await;
        }
    }
    Ok(())
}

/// Returns when the topics are no longer those of the engine.
async fn keep(shared: &Shared, engine: &Engine) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut probed, mut swept) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = engine.doubt.notified() => {
                if is_replaced(engine).await {
                    return;
                }
            }
        }
        engine.producer.give_up(engine.options.append_timeout);
        if shared.health.is_away() && probed.elapsed() > PROBE {
            probed = Instant::now();
            // Its answer changes the status.
            let _ = engine.ends.now().await;
        }
        if swept.elapsed() > SWEEP {
            swept = Instant::now();
            sweep(engine).await;
        }
    }
}

async fn sweep(engine: &Engine) {
    if let Ok(begins) = engine.ends.begins().await {
        for (lane, low) in begins.lanes() {
            if let Some(log) = engine.lane(lane) {
                log.raise_low(low);
            }
        }
    }
    let remembered = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
    let now = engine.options.clock.now().as_millisecond();
    state::store::sweep(engine, now.saturating_sub(remembered)).await;
}

/// Whether the topics are gone, others, or shorter than they were.
async fn is_replaced(engine: &Engine) -> bool {
    match engine.topics.identity().await {
        Ok(identity) if identity != engine.identity => return true,
        Err(error) => {
            tracing::debug!(%error, "looking at the topics");
            return matches!(error, Error::Unavailable { .. }) && engine.topics.are_missing().await;
        }
        Ok(_) => {}
    }
    let Ok(ends) = engine.ends.now().await else { return false };
    ends.lanes().any(|(lane, end)| engine.reached(lane) > end)
}

/// Opens the topics again, making them where they are not there.
async fn reopen(shared: &Shared) -> Arc<Engine> {
    loop {
        match Engine::open(&shared.options, &shared.health).await {
            Ok(engine) => {
                shared.health.well(&shared.options.servers.join(","));
                return Arc::new(engine);
            }
            Err(error) => shared.health.away(&error.to_string()),
        }
        if shared.health.watch().borrow().kind == StatusKind::Closed {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(REOPEN).await;
    }
}
