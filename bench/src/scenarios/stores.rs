//! The shared stores beside their bare clients: batches of 100 published one after the other, then read back.

use std::time::Instant;

use anyhow::{Result, ensure};
use headwater_events::Event;

use crate::{
    Setup, data,
    shared::{self, Kind, SharedServer, Who},
    stats::Sample,
    table::{Row, Wanted},
};

/// Runs (streams) that are written, in turn.
const STREAMS: usize = 50;
const BATCH: usize = 100;
const BATCHES: usize = 400;

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let durable = batches(false)?;
    let mut rows = Vec::new();
    for kind in Kind::chosen(setup) {
        let (mut wrote, mut read) = (Sample::default(), Sample::default());
        let (mut bare_wrote, mut bare_read) = (Sample::default(), Sample::default());
        for _ in 0..setup.runs {
            for (who, publish, back) in
                [(Who::Ours, &mut wrote, &mut read), (Who::Bare, &mut bare_wrote, &mut bare_read)]
            {
                let (written, got) = measure(kind, who, &durable).await?;
                publish.push(written);
                back.extend(got);
            }
        }
        let (name, bare) = (kind.name(), kind.bare_name());
        let what = format!("{name}, publish in batches of 100");
        rows.push(Row::beside(what, "ev/s", wrote.clone(), (bare, bare_wrote.clone()), Wanted::AtLeast(0.7)));
        let what = format!("{name}, read a tenant back");
        rows.push(Row::beside(what, "ev/s", read, (bare, bare_read), Wanted::AtLeast(0.7)));
        rows.extend(more(kind, setup, &wrote).await?);
    }
    Ok(rows)
}

/// What only one of them is asked.
async fn more(kind: Kind, setup: &Setup, wrote: &Sample) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    #[cfg(feature = "nats")]
    if kind == Kind::Nats {
        let durable = batches(false)?;
        let (mut whole, mut bare) = (Sample::default(), Sample::default());
        for _ in 0..setup.runs {
            whole.push(measure(kind, Who::OursWhole, &durable).await?.0);
            bare.push(measure(kind, Who::BareWhole, &durable).await?.0);
        }
        let bare = ("async-nats, batches", bare);
        let what = "nats, publish in batches of 100 that are stored whole or not at all";
        rows.push(Row::beside(what, "ev/s", whole, bare, Wanted::AtLeast(0.7)));
    }
    #[cfg(feature = "redis")]
    if kind == Kind::Redis {
        let (durable, transient) = (batches(false)?, batches(true)?);
        let (mut ours, mut plain, mut plain_deltas) =
            (Sample::default(), Sample::default(), Sample::default());
        for _ in 0..setup.runs {
            plain.push(measure(kind, Who::Plain, &durable).await?.0);
            ours.push(measure(kind, Who::Ours, &transient).await?.0);
            plain_deltas.push(measure(kind, Who::Plain, &transient).await?.0);
        }
        let beside = |what: &str, ours, theirs, least| {
            let what = format!("redis, publish in batches of 100: {what}");
            Row::beside(what, "ev/s", ours, ("plain pipelined XADD", theirs), Wanted::AtLeast(least))
        };
        rows.push(beside("durable", wrote.clone(), plain, 0.12));
        rows.push(beside("transient", ours, plain_deltas, 0.25));
    }
    #[cfg(feature = "kafka")]
    if kind == Kind::Kafka {
        let durable = batches(false)?;
        let (mut cold, mut bare) = (Sample::default(), Sample::default());
        for _ in 0..setup.runs {
            cold.extend(measure(kind, Who::OursCold, &durable).await?.1);
            bare.extend(measure(kind, Who::Bare, &durable).await?.1);
        }
        let (what, bare) = ("kafka, read a tenant back, nothing in memory", (kind.bare_name(), bare));
        rows.push(Row::beside(what, "ev/s", cold, bare, Wanted::AtLeast(0.7)));
    }
    let _ = (kind, setup, wrote, &mut rows);
    Ok(rows)
}

/// Batches of events, each of one stream, the streams in turn.
fn batches(transient: bool) -> Result<Vec<Vec<Event>>> {
    (0..BATCHES)
        .map(|n| {
            let (stream, first) = (format!("run-{}", n % STREAMS), (n * BATCH) as u64);
            if transient { data::deltas(&stream, first, BATCH) } else { data::events(&stream, first, BATCH) }
        })
        .collect()
}

/// Events a second published, and, where they are read back, read.
async fn measure(kind: Kind, who: Who, batches: &[Vec<Event>]) -> Result<(f64, Option<f64>)> {
    let server = SharedServer::start(kind).await?;
    let peer = shared::connect(&server, who).await?;
    let count = batches.iter().map(Vec::len).sum::<usize>();
    let begin = Instant::now();
    for batch in batches {
        peer.publish(batch).await?;
    }
    let wrote = count as f64 / begin.elapsed().as_secs_f64();
    // A tenant is read by its durable events.
    if !who.reads() || batches[0][0].class() != headwater_events::Class::Durable {
        return Ok((wrote, None));
    }
    let begin = Instant::now();
    let got = peer.read(count).await?;
    ensure!(got == count, "{}: {got} of {count} events were read", kind.name());
    Ok((wrote, Some(count as f64 / begin.elapsed().as_secs_f64())))
}
