//! Consume and ack: four workers in one process whose handler does nothing, beside the same calls without the handler
//! runtime, and beside the bare clients' own groups.

mod bare;
mod beside;
mod takeover;
mod work;

use std::sync::Arc;

use anyhow::Result;
use headwater_broker::{Broker, BrokerConfig, EventPublisher as _};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_events::Event;
use headwater_store::{MemoryOptions, MemoryStore};

#[cfg(feature = "shared")]
use crate::shared::{Kind, SharedServer};
use crate::{
    Setup, data,
    stats::Sample,
    table::{Row, Wanted},
};

/// Runs (streams): one event of each is with a worker at a time.
const STREAMS: usize = 4_000;
/// Events of each.
const EACH: usize = 50;
const WORKERS: usize = 4;
/// How many events a worker handles at once.
const SLOTS: usize = 500;

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let events = events()?;
    let mut rows = Vec::new();
    let (mut with, mut without, mut cost) = (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        let (runtime, calls) = (on_memory(&events, true).await?, on_memory(&events, false).await?);
        cost.push(runtime.cpu_us - calls.cpu_us);
        with.push(runtime.rate);
        without.push(calls.rate);
    }
    let what = "memory, consume and ack, 4 workers";
    rows.push(Row::beside(what, "ev/s", with, ("fetch and settle", without), Wanted::Nothing));
    rows.push(Row::alone("what the handler runtime costs an event", "µs of CPU", cost, Wanted::AtMost(2.0)));
    let mut embedded = Sample::default();
    for _ in 0..setup.runs {
        embedded.push(on_embedded(&events).await?.rate);
    }
    let what = "embedded, consume and ack, 4 workers";
    rows.push(Row::alone(what, "ev/s", embedded, Wanted::AtLeast(100_000.0)));
    let (mut alone, mut calm, mut poisoned) = (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        alone.push(beside::alone().await?);
        calm.push(beside::poison(false).await?);
        poisoned.push(beside::poison(true).await?);
    }
    let what = "embedded, one run alone, one event after the other";
    rows.push(Row::alone(what, "ev/s", alone, Wanted::Nothing));
    let what = "embedded, publish to handler at 1,000 ev/s beside a run that always fails: p99";
    rows.push(Row::beside(what, "ms", poisoned, ("without it", calm), Wanted::Nothing));
    let mut seconds = Sample::default();
    for _ in 0..setup.runs {
        seconds.push(takeover::measure(setup).await?);
    }
    let what = format!("takeover after SIGKILL, lease {} s", takeover::LEASE_MS / 1000);
    let most = takeover::LEASE_MS as f64 / 1000.0 + 1.0;
    rows.push(Row::alone(what, "s", seconds, Wanted::AtMost(most)));
    #[cfg(feature = "shared")]
    for kind in Kind::chosen(setup) {
        rows.extend(shared(kind, setup, &events).await?);
    }
    Ok(rows)
}

#[cfg(feature = "shared")]
async fn shared(kind: Kind, setup: &Setup, events: &[Vec<Event>]) -> Result<Vec<Row>> {
    let (mut ours, mut theirs) = (Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        let server = SharedServer::start(kind).await?;
        let broker =
            Broker::open(crate::shared::store(kind, server.url()).await?, BrokerConfig::default()).await?;
        ours.push(measure(Arc::new(broker), events, true).await?.rate);
        let server = SharedServer::start(kind).await?;
        theirs.extend(bare::measure(kind, server.url(), events).await?);
    }
    let what = format!("{}, consume and ack, 4 workers", kind.name());
    let mut rows = vec![Row::alone(what.clone(), "ev/s", ours.clone(), Wanted::AtLeast(50_000.0))];
    if let Some(name) = bare::name(kind) {
        rows.push(Row::beside(what, "ev/s", ours, (name, theirs), Wanted::AtLeast(0.3)));
    }
    Ok(rows)
}

/// Batches of 500 events of as many streams, with a payload of 300 bytes.
fn events() -> Result<Vec<Vec<Event>>> {
    let mut all = Vec::with_capacity(STREAMS * EACH);
    for stream in 0..STREAMS {
        all.push(data::of_300_bytes(&format!("run-{stream}"), 0, EACH)?);
    }
    let in_turn = (0..EACH).flat_map(|n| all.iter().map(move |of_stream| of_stream[n].clone()));
    let in_turn: Vec<Event> = in_turn.collect();
    Ok(in_turn.chunks(500).map(<[Event]>::to_vec).collect())
}

async fn on_memory(events: &[Vec<Event>], runtime: bool) -> Result<work::Figures> {
    let store = MemoryStore::new(MemoryOptions { max_bytes: 2 << 30, ..MemoryOptions::default() });
    let broker = Broker::open(Arc::new(store), BrokerConfig::default()).await?;
    measure(Arc::new(broker), events, runtime).await
}

async fn on_embedded(events: &[Vec<Event>]) -> Result<work::Figures> {
    let folder = tempfile::Builder::new().prefix("headwater-bench-").tempdir()?;
    let log = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).await?;
    let broker = Broker::open(Arc::new(log), BrokerConfig::default()).await?;
    measure(Arc::new(broker), events, true).await
}

async fn measure(broker: Arc<Broker>, events: &[Vec<Event>], runtime: bool) -> Result<work::Figures> {
    for batch in events {
        broker.publish(batch).await?;
    }
    let count = events.iter().map(Vec::len).sum();
    if runtime { work::by_workers(broker, count).await } else { work::by_calls(broker, count).await }
}
