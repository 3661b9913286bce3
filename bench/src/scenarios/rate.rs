//! Rate: 10,000 events a second over HTTP, in batches, to 10 readers over server-sent events.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    Setup,
    data::{Template, stamp},
    http::Connection,
    scan::Scanner,
    stats::{Sample, percentile},
    table::{Row, Wanted},
    target::Target,
};

const READERS: usize = 10;
const BATCH: usize = 20;
/// 20 events every 2 ms are 10,000 a second.
const EVERY: Duration = Duration::from_millis(2);
const BATCHES: usize = 2_500;
/// Batches in flight at once: a slow answer does not hold back the next batch.
const CONNECTIONS: usize = 4;
const STREAM: &str = "run-1";

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let (mut p50, mut p99, mut rate) = (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        let (delays, per_second) = measure(setup).await?;
        p50.push(percentile(&delays, 50.0));
        p99.push(percentile(&delays, 99.0));
        rate.push(per_second);
    }
    let what = "HTTP batches of 20 to 10 SSE readers";
    Ok(vec![
        Row::alone(format!("{what}: rate"), "ev/s", rate, Wanted::AtLeast(9_900.0)),
        Row::alone(format!("{what}: p50"), "ms", p50, Wanted::Nothing),
        Row::alone(format!("{what}: p99"), "ms", p99, Wanted::AtMost(10.0)),
    ])
}

/// The delays from publish to screen in milliseconds, and how many events a second were published.
async fn measure(setup: &Setup) -> Result<(Vec<f64>, f64)> {
    let target = Target::Headwater;
    let server = target.start(setup).await?;
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let mut connection = Connection::open(server.address).await?;
        connection.listen(&target.live(STREAM), &[]).await?;
        readers.spawn(async move {
            let mut scanner = Scanner::default();
            let mut delays = Vec::with_capacity(BATCH * BATCHES);
            while delays.len() < BATCH * BATCHES {
                let bytes = connection.next().await?;
                let now = stamp();
                scanner.feed(bytes, |sent| {
                    delays.push(now.saturating_sub(sent) as f64 / 1000.0);
                });
                connection.done();
            }
            anyhow::Ok(delays)
        });
    }
    let begin = std::time::Instant::now();
    let mut publishers = JoinSet::new();
    for publisher in 0..CONNECTIONS {
        let mut connection = Connection::open(server.address).await?;
        publishers.spawn(async move {
            let mut template = Template::new(STREAM);
            let start = tokio::time::Instant::now() + EVERY * u32::try_from(publisher)?;
            let mut tick = tokio::time::interval_at(start, EVERY * u32::try_from(CONNECTIONS)?);
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for batch in 0..BATCHES / CONNECTIONS {
                tick.tick().await;
                let id = ((batch * CONNECTIONS + publisher) * BATCH) as u64;
                let events = template.array(id, BATCH, stamp());
                connection.succeed(&target.publish_batch(STREAM, &events)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(publisher) = publishers.join_next().await {
        publisher??;
    }
    let per_second = (BATCH * BATCHES) as f64 / begin.elapsed().as_secs_f64();
    let mut delays = Vec::new();
    while let Some(reader) = readers.join_next().await {
        delays.extend(reader??);
    }
    ensure!(delays.len() == READERS * BATCH * BATCHES, "{} deliveries are missing or too many", delays.len());
    Ok((delays, per_second))
}
