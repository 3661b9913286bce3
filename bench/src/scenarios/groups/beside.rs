//! What one run does to the others, and how fast one run alone goes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use headwater_broker::{
    Broker, BrokerConfig, ConsumerGroups, EventBroker as _, EventPublisher as _, Group, GroupConfig, Start,
};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_events::{Event, Tenant};
use headwater_worker::{Backoff, Failure, Policy, Worker, handler_fn};
use tokio::{sync::Notify, time::MissedTickBehavior};

use super::work;
use crate::{
    data::{self, Template, stamp},
    scan::Scanner,
    stats::percentile,
};

const RUNS: usize = 50;
/// One event each millisecond.
const EVERY: Duration = Duration::from_millis(1);
const TICKS: usize = 4_000;
/// The first ones are not counted.
const WARM_UP: usize = 500;
const POISON: &str = "run-poison";
const PATIENCE: Duration = Duration::from_secs(60);
/// Events of the run that is alone.
const ALONE: usize = 1_000;

async fn open(folder: &std::path::Path) -> Result<Arc<Broker>> {
    let log = EmbeddedStore::open(folder, EmbeddedOptions::default()).await?;
    Ok(Arc::new(Broker::open(Arc::new(log), BrokerConfig::default()).await?))
}

/// From publish to the handler, in milliseconds, p99 of many runs: with one more run among them of which no event can
/// be handled, or without.
pub(super) async fn poison(with: bool) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let broker = open(folder.path()).await?;
    let group = Group::of(Tenant::default(), "bench".parse()?);
    // Tried again and again for as long as it takes.
    let config = GroupConfig { max_attempts: u32::MAX, ..GroupConfig::default() };
    broker.put_group(&group, Start::Earliest, config).await?;
    let (delays, all) = (Arc::new(Mutex::new(Vec::with_capacity(TICKS))), Arc::new(Notify::new()));
    let handler = {
        let (delays, all) = (Arc::clone(&delays), Arc::clone(&all));
        handler_fn(move |event: Event, _| {
            let outcome = if event.stream() == POISON {
                Err(Failure::retry("poison"))
            } else {
                let now = stamp();
                let mut delays = delays.lock().unwrap_or_else(PoisonError::into_inner);
                Scanner::default()
                    .feed(event.json(), |sent| delays.push(now.saturating_sub(sent) as f64 / 1000.0));
                if delays.len() == TICKS {
                    all.notify_one();
                }
                Ok(())
            };
            async move { outcome }
        })
    };
    let groups: Arc<dyn ConsumerGroups> = broker.clone();
    let policy = Policy::new().backoff(Backoff::new(Duration::from_millis(5), Duration::from_millis(20)));
    let worker = Worker::builder(groups, group).concurrency(64).policy(policy).build(handler)?;
    let done = Arc::new(Notify::new());
    let working = tokio::spawn({
        let done = Arc::clone(&done);
        async move { worker.run(async move { done.notified().await }).await }
    });
    if with {
        broker.publish(&data::events(POISON, 0, 100)?).await?;
    }
    let mut templates: Vec<_> = (0..RUNS).map(|run| Template::new(&format!("run-{run}"))).collect();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0..TICKS {
        tick.tick().await;
        let event = Event::from_json(templates[n % RUNS].json(n as u64, stamp()).to_vec())?;
        let broker = Arc::clone(&broker);
        // One after the other would wait for each commit.
        tokio::spawn(async move { broker.publish(std::slice::from_ref(&event)).await });
    }
    tokio::time::timeout(PATIENCE, all.notified()).await.context("events were not handled")?;
    done.notify_one();
    working.await??;
    broker.close().await?;
    let delays = delays.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(percentile(&delays[WARM_UP..], 99.0))
}

/// Events a second of one run, whose order lets one be handled at a time.
pub(super) async fn alone() -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let broker = open(folder.path()).await?;
    broker.publish(&data::of_300_bytes("run-alone", 0, ALONE)?).await?;
    let begin = Instant::now();
    work::by_workers(broker, ALONE).await?;
    Ok(ALONE as f64 / begin.elapsed().as_secs_f64())
}
