//! From publish to subscriber over the shared stores, at a steady rate, beside their bare clients.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use headwater_events::Event;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    Setup,
    data::{Template, stamp},
    scan::Scanner,
    shared::{self, Kind, SharedServer, Who},
    stats::{Sample, percentile},
    table::{Row, Wanted},
};

const STREAM: &str = "run-1";
/// The first events, which nobody counts: connections, scripts and consumers warm up.
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);
/// How many publishes are in flight at most: one that is slow does not hold back the next, within reason.
const IN_FLIGHT: usize = 64;

/// How long the reader may take for what is left when all is published.
const PATIENCE: Duration = Duration::from_secs(30);

/// A steady rate.
#[derive(Clone, Copy)]
struct Rate {
    name: &'static str,
    batch: usize,
    every: Duration,
    /// What the slowest hundredth may take at most, in milliseconds.
    p99: f64,
}

const RATES: [Rate; 2] = [
    Rate { name: "1,000 ev/s", batch: 1, every: Duration::from_millis(1), p99: 10.0 },
    Rate { name: "10,000 ev/s", batch: 20, every: Duration::from_millis(2), p99: 50.0 },
];

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for kind in Kind::chosen(setup) {
        for rate in RATES {
            let (mut p50, mut p99) = (Sample::default(), Sample::default());
            let (mut bare_p50, mut bare_p99) = (Sample::default(), Sample::default());
            for _ in 0..setup.runs {
                let told = |who: &str| format!("{}, {who}, {}", kind.name(), rate.name);
                let ours = measure(kind, Who::Ours, rate).await.with_context(|| told("ours"))?;
                let bare = measure(kind, Who::BareTail, rate).await.with_context(|| told("bare"))?;
                eprintln!(
                    "{}: ours {:.2} and {:.2} ms, bare {:.2} and {:.2} ms",
                    told("p50 and p99"),
                    percentile(&ours, 50.0),
                    percentile(&ours, 99.0),
                    percentile(&bare, 50.0),
                    percentile(&bare, 99.0),
                );
                p50.push(percentile(&ours, 50.0));
                p99.push(percentile(&ours, 99.0));
                bare_p50.push(percentile(&bare, 50.0));
                bare_p99.push(percentile(&bare, 99.0));
            }
            let what = format!("{}, publish to subscriber at {}", kind.name(), rate.name);
            let over: Sample = p50.minus(&bare_p50);
            rows.push(Row::beside(format!("{what}: p50"), "ms", p50, ("bare", bare_p50), Wanted::Nothing));
            rows.push(Row::alone(
                format!("{what}: p50 over the bare client's"),
                "ms",
                over,
                Wanted::AtMost(1.0),
            ));
            rows.push(Row::alone(format!("{what}: p99"), "ms", p99.clone(), Wanted::AtMost(rate.p99)));
            rows.push(Row::beside(
                format!("{what}: p99"),
                "ms",
                p99,
                ("bare", bare_p99),
                Wanted::AtMost(1.5),
            ));
        }
    }
    Ok(rows)
}

/// Delays in milliseconds.
async fn measure(kind: Kind, who: Who, rate: Rate) -> Result<Vec<f64>> {
    let server = SharedServer::start(kind).await?;
    let peer = shared::connect(&server, who).await?;
    // What is there before the reader comes makes the keys, and is not counted.
    peer.publish(&build(&mut Template::new(STREAM), u64::MAX >> 24, rate.batch)?).await?;
    let mut tail = peer.tail().await?;
    let ticks = (WARM_UP + MEASURED).as_micros() / rate.every.as_micros();
    let ticks = usize::try_from(ticks)?;
    let skip =
        ticks * usize::try_from(WARM_UP.as_millis())? / usize::try_from((WARM_UP + MEASURED).as_millis())?;
    let total = ticks * rate.batch;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let reader = tokio::spawn(async move {
        let mut delays = Vec::with_capacity(total);
        while delays.len() < total {
            let now_delays = &mut delays;
            tail.next(&mut |json| {
                let now = stamp();
                Scanner::default()
                    .feed(json, |sent| now_delays.push(now.saturating_sub(sent) as f64 / 1000.0));
            })
            .await?;
            counted.store(delays.len(), Ordering::Relaxed);
        }
        anyhow::Ok(delays)
    });
    let mut tick = tokio::time::interval(rate.every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut template = Template::new(STREAM);
    let mut publishing = JoinSet::new();
    for n in 0..ticks {
        tick.tick().await;
        while publishing.len() >= IN_FLIGHT {
            publishing.join_next().await.context("nothing in flight")???;
        }
        while let Some(done) = publishing.try_join_next() {
            done??;
        }
        let batch = build(&mut template, (n * rate.batch) as u64, rate.batch)?;
        let peer = Arc::clone(&peer);
        publishing.spawn(async move { peer.publish(&batch).await });
    }
    while let Some(done) = publishing.join_next().await {
        done??;
    }
    let late = tokio::time::timeout(PATIENCE, reader).await;
    let came = count.load(Ordering::Relaxed);
    let delays = late.with_context(|| format!("{came} of {total} events came"))???;
    Ok(delays[skip * rate.batch..].to_vec())
}

/// Events that carry the time at which they are published: now.
fn build(template: &mut Template, first: u64, count: usize) -> Result<Vec<Event>> {
    (0..count as u64).map(|n| Ok(Event::from_json(template.json(first + n, stamp()).to_vec())?)).collect()
}
