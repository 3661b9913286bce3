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

/// Whom a store is measured beside.
fn peers(kind: Kind) -> Vec<(Who, &'static str)> {
    let mut peers = vec![(Who::BareTail, kind.bare_tail_name())];
    #[cfg(feature = "redis")]
    if kind == Kind::Redis {
        peers.push((Who::Bare, kind.bare_name()));
    }
    peers
}

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for kind in Kind::chosen(setup) {
        for rate in RATES {
            let peers = peers(kind);
            let mut ours = [Sample::default(), Sample::default()];
            let mut theirs = vec![ours.clone(); peers.len()];
            for _ in 0..setup.runs {
                take(kind, Who::Ours, rate, &mut ours).await?;
                for ((who, _), sample) in peers.iter().zip(&mut theirs) {
                    take(kind, *who, rate, sample).await?;
                }
            }
            let what = format!("{}, publish to subscriber at {}", kind.name(), rate.name);
            let [p50, p99] = ours;
            rows.push(Row::alone(format!("{what}: p99"), "ms", p99.clone(), Wanted::AtMost(rate.p99)));
            for ((_, name), [their_p50, their_p99]) in peers.iter().zip(theirs) {
                let over: Sample = p50.minus(&their_p50);
                let beside = |what, ours: &Sample, theirs, wanted| {
                    Row::beside(what, "ms", ours.clone(), (name, theirs), wanted)
                };
                rows.push(beside(format!("{what}: p50"), &p50, their_p50, Wanted::Nothing));
                rows.push(Row::alone(format!("{what}: p50 over {name}"), "ms", over, Wanted::AtMost(1.0)));
                rows.push(beside(format!("{what}: p99"), &p99, their_p99, Wanted::AtMost(1.5)));
            }
        }
    }
    Ok(rows)
}

/// Measures once more.
async fn take(kind: Kind, who: Who, rate: Rate, [p50, p99]: &mut [Sample; 2]) -> Result<()> {
    let what = format!("{}, {who:?}, {}", kind.name(), rate.name);
    let delays = measure(kind, who, rate).await.with_context(|| what.clone())?;
    let [half, most] = [50.0, 99.0].map(|percent| percentile(&delays, percent));
    eprintln!("{what}: p50 {half:.2} ms, p99 {most:.2} ms");
    p50.push(half);
    p99.push(most);
    Ok(())
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
