//! Emitting from nodes: flat out over memory to many readers, paced over the embedded log, and what a step of a graph costs.

mod graph;
mod readers;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use headwater_broker::{Broker, BrokerConfig, EventBroker, EventStream, Item, Subscription};
use headwater_bus::{Emitter, EmitterOptions, EventEmitter as _, WhenFull};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_events::{Scope, StreamName, Tenant, catalogue::NodeMessage};
use headwater_runtime::StepContext;
use headwater_store::{MemoryOptions, MemoryStore};

use crate::{
    Setup, peers,
    stats::{Sample, percentile},
    table::{Row, Wanted},
};

const NODES: usize = 8;
const READERS: usize = 64;
const EVENTS: usize = 300_000;
/// Holds all events of a run: about 1.5 KiB each with everything that belongs to them.
const BUDGET: usize = 1 << 30;
/// How many events a second are emitted in all when it is paced, and for how long.
const RATE: usize = 50_000;
const PACED_S: usize = 4;
const RUN: &str = "run-1";

/// It loses what a reader is too slow for.
const LOSSY: &str = "weavegraph";

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let [mut rate, mut delivered, mut lost] = <[Sample; 3]>::default();
    let [mut their_delivered, mut their_lost] = <[Sample; 2]>::default();
    let [mut cost, mut worst, mut paced_lost] = <[Sample; 3]>::default();
    for _ in 0..setup.runs {
        let flat = flat_out().await?;
        rate.push(flat.rate);
        delivered.push(flat.delivered);
        lost.push(flat.lost);
        let theirs = peers::deliver(&setup.buses, LOSSY, READERS, EVENTS, NODES).await?;
        their_delivered.push(theirs.0);
        their_lost.push(theirs.1 as f64);
        let paced = paced().await?;
        cost.push(paced.0);
        worst.push(paced.1);
        paced_lost.push(paced.2);
    }
    let flat = format!("emit, {NODES} nodes flat out, memory, {READERS} catch_up readers");
    let slow = format!("emit, {NODES} nodes at {RATE}/s, embedded");
    let (all_lost, none) = (format!("{flat}: lost of {}", EVENTS * READERS), Wanted::AtMost(0.0));
    let mut rows = vec![
        Row::alone(flat.clone(), "events/s", rate, Wanted::Nothing),
        Row::beside(flat, "deliveries/s", delivered, (LOSSY, their_delivered), Wanted::Nothing),
        Row::alone(all_lost.clone(), "deliveries", lost.clone(), none),
        Row::beside(all_lost, "deliveries", lost, (LOSSY, their_lost), Wanted::Nothing),
        Row::alone(format!("{slow}: one emit, median"), "µs", cost, Wanted::AtMost(2.0)),
        Row::alone(format!("{slow}: one emit, p99"), "µs", worst, Wanted::Nothing),
        Row::alone(format!("{slow}: lost"), "events", paced_lost, none),
    ];
    rows.extend(readers::run(setup).await?);
    rows.extend(graph::run(setup).await?);
    Ok(rows)
}

/// What came of a burst.
struct FlatOut {
    /// Events a second that the nodes emitted and the log took.
    rate: f64,
    /// Deliveries a second in sum, to the last reader's end.
    delivered: f64,
    /// Deliveries that some reader did not get.
    lost: f64,
}

async fn flat_out() -> Result<FlatOut> {
    let broker = memory().await?;
    let mut tails = tokio::task::JoinSet::new();
    for _ in 0..READERS {
        let stream = subscribe(&broker).await?;
        tails.spawn(count(stream, EVENTS));
    }
    let emitter = emitter(&broker);
    let begin = Instant::now();
    let mut nodes = tokio::task::JoinSet::new();
    for node in 0..NODES {
        let ctx = context(&emitter, node)?;
        nodes.spawn(async move {
            for _ in 0..EVENTS / NODES {
                ctx.emit(&NodeMessage::new("a message of a node")).await;
            }
        });
    }
    while let Some(done) = nodes.join_next().await {
        done?;
    }
    emitter.flush().await?;
    let rate = EVENTS as f64 / begin.elapsed().as_secs_f64();
    let mut got = 0;
    while let Some(reader) = tails.join_next().await {
        got += reader??;
    }
    let delivered = got as f64 / begin.elapsed().as_secs_f64();
    broker.close().await?;
    Ok(FlatOut { rate, delivered, lost: (EVENTS * READERS - got) as f64 })
}

/// Median and p99 of one emit in microseconds, and how many events were lost.
async fn paced() -> Result<(f64, f64, f64)> {
    let folder = tempfile::tempdir()?;
    let store = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).await?;
    let broker: Arc<dyn EventBroker> =
        Arc::new(Broker::open(Arc::new(store), BrokerConfig::default()).await?);
    let tail = tokio::spawn(count(subscribe(&broker).await?, RATE * PACED_S));
    let emitter = emitter(&broker);
    let mut nodes = tokio::task::JoinSet::new();
    for node in 0..NODES {
        let ctx = context(&emitter, node)?;
        nodes.spawn(pace(ctx));
    }
    let mut costs = Vec::with_capacity(RATE * PACED_S);
    while let Some(done) = nodes.join_next().await {
        costs.extend(done?);
    }
    emitter.flush().await?;
    let lost = emitter.status().dropped as f64 + (RATE * PACED_S - tail.await??) as f64;
    broker.close().await?;
    Ok((percentile(&costs, 50.0), percentile(&costs, 99.0), lost))
}

/// Emits a node's share every millisecond and gives what each emit took, in microseconds.
async fn pace(ctx: StepContext) -> Vec<f64> {
    let share = RATE * PACED_S / NODES;
    let mut costs = Vec::with_capacity(share);
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    let started = Instant::now();
    while costs.len() < share {
        tick.tick().await;
        let due = started.elapsed().as_secs_f64() * (RATE / NODES) as f64;
        while costs.len() < share && (costs.len() as f64) < due {
            let begin = Instant::now();
            ctx.emit(&NodeMessage::new("a message of a node")).await;
            costs.push(begin.elapsed().as_secs_f64() * 1e6);
        }
    }
    costs
}

async fn memory() -> Result<Arc<dyn EventBroker>> {
    let store = MemoryStore::new(MemoryOptions { max_bytes: BUDGET, ..MemoryOptions::default() });
    Ok(Arc::new(Broker::open(Arc::new(store), BrokerConfig::default()).await?))
}

async fn subscribe(broker: &Arc<dyn EventBroker>) -> Result<EventStream> {
    let scope = Scope::Stream(Tenant::default(), StreamName::new(RUN)?);
    Ok(broker.subscribe(Subscription::new(scope)).await?)
}

fn emitter(broker: &Arc<dyn EventBroker>) -> Arc<Emitter> {
    let when_full = WhenFull::Block(Duration::from_secs(60));
    let publisher: Arc<dyn EventBroker> = Arc::clone(broker);
    Emitter::new(publisher, EmitterOptions { when_full, ..EmitterOptions::default() })
}

fn context(emitter: &Arc<Emitter>, node: usize) -> Result<StepContext> {
    let handle: headwater_bus::EmitterHandle = Arc::<Emitter>::clone(emitter);
    Ok(StepContext::new(handle, StreamName::new(RUN)?, format!("/nodes/n{node}")))
}

/// How many of `events` a reader gets; it stops at a gap.
async fn count(mut stream: EventStream, events: usize) -> Result<usize> {
    let mut got = 0;
    while got < events {
        let items = match tokio::time::timeout(Duration::from_secs(20), stream.next_batch(1024)).await {
            Ok(items) => items.context("the stream ended early")??,
            // What has not come by now does not come.
            Err(_) => break,
        };
        for item in items {
            match item {
                Item::Event(_) => got += 1,
                Item::Gap(_) => return Ok(got),
                Item::CaughtUp(_) | Item::End(_) => {}
            }
        }
    }
    Ok(got)
}
