//! Catching up: a million events over one connection, and what resuming at the tail of a long stream costs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::{
    Setup,
    data::{Template, stamp},
    http::Connection,
    process::Process,
    scan::Scanner,
    stats::{Sample, percentile},
    table::{Row, Wanted},
    target::Target,
};

const LONG: (&str, usize) = ("run-long", 1_000_000);
const SHORT: (&str, usize) = ("run-short", 10_000);
const BATCH: usize = 1_000;
/// How often a reader comes back to the tail in one run.
const RETURNS: usize = 200;

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let server = Target::Headwater.start(setup).await?;
    let short = fill(&server, SHORT).await?;
    let long = fill(&server, LONG).await?;
    let mut rate = Sample::default();
    let (mut at_long, mut at_short) = (Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        rate.push(catch_up(&server).await?);
        at_long.push(resume(&server, LONG.0, &long).await?);
        at_short.push(resume(&server, SHORT.0, &short).await?);
    }
    Ok(vec![
        Row::alone(
            "catch-up of 1 M events over one SSE connection",
            "ev/s",
            rate,
            Wanted::AtLeast(150_000.0),
        ),
        Row::beside(
            "resuming at the tail of 1 M events",
            "ms",
            at_long,
            ("of 10,000 events", at_short),
            Wanted::AtMost(1.5),
        ),
    ])
}

/// Publishes a stream and gives the cursor of its last event but one.
async fn fill(server: &Process, (stream, events): (&str, usize)) -> Result<String> {
    let mut connection = Connection::open(server.address).await?;
    let mut template = Template::new(stream);
    let mut last = Vec::new();
    for first in (0..events).step_by(BATCH) {
        let batch = template.array(first as u64, BATCH, stamp());
        last = connection.succeed(&Target::Headwater.publish_batch(stream, &batch)).await?.body;
    }
    let answer: serde_json::Value = serde_json::from_slice(&last)?;
    let results = answer["results"].as_array().context("an answer without results")?;
    let cursor = results.iter().rev().nth(1).and_then(|result| result["cursor"].as_str());
    Ok(cursor.context("a result without cursor")?.to_owned())
}

/// Events a second from the request to the last event.
async fn catch_up(server: &Process) -> Result<f64> {
    let mut connection = Connection::open(server.address).await?;
    let begin = Instant::now();
    connection.listen(&Target::Headwater.live(LONG.0), &[]).await?;
    read(&mut connection, LONG.1).await?;
    Ok(LONG.1 as f64 / begin.elapsed().as_secs_f64())
}

/// The median time in milliseconds until a reader that comes back has the one event it does not have yet.
async fn resume(server: &Process, stream: &str, cursor: &str) -> Result<f64> {
    let mut times = Vec::with_capacity(RETURNS);
    for _ in 0..RETURNS {
        let begin = Instant::now();
        let mut connection = Connection::open(server.address).await?;
        connection.listen(&Target::Headwater.live(stream), &[("last-event-id", cursor)]).await?;
        read(&mut connection, 1).await?;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(percentile(&times, 50.0))
}

async fn read(connection: &mut Connection, events: usize) -> Result<()> {
    let mut scanner = Scanner::default();
    let mut got = 0;
    while got < events {
        let next = tokio::time::timeout(Duration::from_secs(60), connection.next()).await;
        let bytes = next.with_context(|| format!("nothing more after {got} of {events} events"))??;
        scanner.feed(bytes, |_| got += 1);
        connection.done();
    }
    Ok(())
}
