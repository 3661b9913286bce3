//! Fan-out: one stream, 50 events a second, 1,000 readers over server-sent events.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::{sync::Semaphore, task::JoinSet, time::MissedTickBehavior};

use crate::{
    Setup,
    data::{Template, stamp},
    http::Connection,
    process::Process,
    scan::Scanner,
    stats::{Sample, percentile},
    table::{Row, Wanted},
    target::{PEER, Target},
};

const READERS: usize = 1_000;
const EVERY: Duration = Duration::from_millis(20);
const EVENTS: usize = 400;
const STREAM: &str = "run-1";

#[derive(Default)]
struct Figures {
    p50: Sample,
    p99: Sample,
    growth_mib: Sample,
    missing: Sample,
}

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let mut figures = [Figures::default(), Figures::default()];
    for _ in 0..setup.runs {
        for (target, figures) in Target::BOTH.into_iter().zip(&mut figures) {
            measure(target, setup, figures).await?;
        }
    }
    let [ours, theirs] = figures;
    let what = "SSE, 50 ev/s to 1,000 readers";
    Ok(vec![
        Row::alone(format!("{what}: p50"), "ms", ours.p50.clone(), Wanted::AtMost(10.0)),
        Row::alone(format!("{what}: p99"), "ms", ours.p99.clone(), Wanted::AtMost(25.0)),
        Row::beside(format!("{what}: p50"), "ms", ours.p50, (PEER, theirs.p50), Wanted::AtMost(1.5)),
        Row::beside(format!("{what}: p99"), "ms", ours.p99, (PEER, theirs.p99), Wanted::AtMost(1.5)),
        Row::alone(format!("{what}: memory growth"), "MiB", ours.growth_mib, Wanted::AtMost(40.0)),
        Row::alone(format!("{what}: not delivered"), "deliveries", ours.missing, Wanted::AtMost(0.0)),
    ])
}

async fn measure(target: Target, setup: &Setup, figures: &mut Figures) -> Result<()> {
    let server = target.start(setup).await?;
    target.create(server.address, STREAM).await?;
    // What the server takes for its first event is no growth by readers.
    let mut publisher = Connection::open(server.address).await?;
    let mut template = Template::new(STREAM);
    publisher.succeed(&target.publish(STREAM, template.json(0, 0))).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = server.rss_kib()?;

    let mut readers = listen(target, &server).await?;
    let mut peak = server.rss_kib()?;
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for event in 1..=EVENTS {
        tick.tick().await;
        publisher.succeed(&target.publish(STREAM, template.json(event as u64, stamp()))).await?;
        if event % 20 == 0 {
            peak = peak.max(server.rss_kib()?);
        }
    }
    let mut delays = Vec::with_capacity(READERS * EVENTS);
    while let Some(reader) = readers.join_next().await {
        delays.extend(reader??);
    }
    ensure!(!delays.is_empty(), "nothing was delivered");
    figures.p50.push(percentile(&delays, 50.0));
    figures.p99.push(percentile(&delays, 99.0));
    figures.growth_mib.push((peak - before) / 1024.0);
    figures.missing.push((READERS * EVENTS) as f64 - delays.len() as f64);
    Ok(())
}

/// Readers that are connected and have had the first event; each gives the delays of the rest in milliseconds.
async fn listen(target: Target, server: &Process) -> Result<JoinSet<Result<Vec<f64>>>> {
    let ready = Arc::new(Semaphore::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (ready, address) = (Arc::clone(&ready), server.address);
        readers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            connection.listen(&target.live(STREAM), &[]).await?;
            let mut scanner = Scanner::default();
            let (mut delays, mut first) = (Vec::with_capacity(EVENTS), true);
            while delays.len() < EVENTS {
                let next = tokio::time::timeout(Duration::from_secs(20), connection.next());
                let Ok(bytes) = next.await else { break };
                let bytes = bytes?;
                let now = stamp();
                scanner.feed(bytes, |sent| match sent {
                    0 => {
                        first.then(|| ready.add_permits(1));
                        first = false;
                    }
                    sent => delays.push((now.saturating_sub(sent)) as f64 / 1000.0),
                });
                connection.done();
            }
            Ok(delays)
        });
    }
    let everyone = ready.acquire_many(u32::try_from(READERS)?);
    let _all =
        tokio::time::timeout(Duration::from_secs(60), everyone).await.context("readers are not ready")??;
    Ok(readers)
}
