//! Durable appends in process, beside a bare fjall batch with the same indexes and fsync.

use std::{sync::Arc, time::Instant};

use anyhow::Result;
use headwater_broker::{Broker, BrokerConfig, EventBroker as _, EventPublisher as _};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_events::Event;
use tokio::task::JoinSet;

use crate::{
    Setup, data,
    stats::Sample,
    table::{Row, Wanted},
};

mod bare;

/// Runs (streams) that are written side by side.
const STREAMS: usize = 50;
const BATCH: usize = 200;
const BATCHES: usize = 400;
const PUBLISHERS: usize = 64;
const SINGLES: usize = 60_000;
const ALONE: usize = 6_000;

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let batches = runs(BATCHES, BATCH)?;
    let singles = runs(SINGLES / PUBLISHERS, PUBLISHERS)?;
    let (mut batched, mut bare_batched) = (Sample::default(), Sample::default());
    let (mut many, mut one, mut bare_64) = (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        batched.push(publish_batches(&batches).await?);
        bare_batched.push(bare(&batches).await?);
        many.push(publish_singles(&singles, PUBLISHERS).await?);
        one.push(publish_singles(&singles[..ALONE / PUBLISHERS], 1).await?);
        bare_64.push(bare(&singles).await?);
    }
    Ok(vec![
        Row::beside(
            "embedded publish, batches of 200",
            "ev/s",
            batched,
            ("bare fjall", bare_batched),
            Wanted::AtLeast(0.6),
        ),
        Row::beside(
            "embedded publish, 64 publishers",
            "ev/s",
            many.clone(),
            ("1 publisher", one),
            Wanted::AtLeast(5.0),
        ),
        Row::beside(
            "embedded publish, 64 publishers",
            "ev/s",
            many,
            ("bare fjall, batches of 64", bare_64),
            Wanted::AtLeast(0.4),
        ),
    ])
}

/// Batches of events, each of one stream, the streams in turn.
fn runs(batches: usize, size: usize) -> Result<Vec<Vec<Event>>> {
    (0..batches).map(|n| data::events(&format!("run-{}", n % STREAMS), (n * size) as u64, size)).collect()
}

async fn open() -> Result<(Broker, tempfile::TempDir)> {
    let folder = tempfile::Builder::new().prefix("headwater-bench-").tempdir()?;
    let log = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).await?;
    Ok((Broker::open(Arc::new(log), BrokerConfig::default()).await?, folder))
}

/// Events a second of one publisher of batches.
async fn publish_batches(batches: &[Vec<Event>]) -> Result<f64> {
    let (broker, _folder) = open().await?;
    let begin = Instant::now();
    for batch in batches {
        broker.publish(batch).await?;
    }
    let took = begin.elapsed().as_secs_f64();
    broker.close().await?;
    Ok(count(batches) / took)
}

/// Events a second of publishers that each wait for the answer before they publish their next event.
async fn publish_singles(events: &[Vec<Event>], publishers: usize) -> Result<f64> {
    let (broker, _folder) = open().await?;
    let all: Vec<Event> = events.iter().flatten().cloned().collect();
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for publisher in 0..publishers {
        let mine: Vec<Event> = all.iter().skip(publisher).step_by(publishers).cloned().collect();
        let broker = broker.clone();
        tasks.spawn(async move {
            for event in mine {
                broker.publish(std::slice::from_ref(&event)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let took = begin.elapsed().as_secs_f64();
    broker.close().await?;
    Ok(count(events) / took)
}

/// Events a second of the same batches straight into fjall.
async fn bare(batches: &[Vec<Event>]) -> Result<f64> {
    let batches = batches.to_vec();
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::Builder::new().prefix("headwater-bench-").tempdir()?;
        let log = bare::Log::open(folder.path())?;
        let begin = Instant::now();
        let mut position = 0;
        for batch in &batches {
            position = log.append(batch, position)?;
        }
        Ok(count(&batches) / begin.elapsed().as_secs_f64())
    })
    .await?
}

fn count(batches: &[Vec<Event>]) -> f64 {
    batches.iter().map(Vec::len).sum::<usize>() as f64
}
