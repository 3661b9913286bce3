//! A thread that reads with an iterator, beside a task that reads with async.

use std::time::Instant;

use anyhow::{Result, bail};
use headwater_broker::{EventStream, Item};
use headwater_bus::EventEmitter as _;
use headwater_events::catalogue::NodeMessage;

use super::{EVENTS, context, emitter, memory, subscribe};
use crate::{
    Setup,
    stats::Sample,
    table::{Row, Wanted},
};

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let broker = memory().await?;
    let emitter = emitter(&broker);
    let ctx = context(&emitter, 0)?;
    for _ in 0..EVENTS {
        ctx.emit(&NodeMessage::new("a message of a node")).await;
    }
    emitter.flush().await?;
    let (mut blocking, mut with_async) = (Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        with_async.push(task(subscribe(&broker).await?).await?);
        let (stream, runtime) = (subscribe(&broker).await?, tokio::runtime::Handle::current());
        let thread = tokio::task::spawn_blocking(move || thread(stream, &runtime));
        blocking.push(thread.await??);
    }
    broker.close().await?;
    let what = "a run of 300,000 events read by a thread, one by one";
    Ok(vec![Row::beside(what, "events/s", blocking, ("async", with_async), Wanted::AtLeast(0.8))])
}

/// Events a second of a task that takes one item after the other.
async fn task(mut stream: EventStream) -> Result<f64> {
    let (begin, mut got) = (Instant::now(), 0);
    while got < EVENTS {
        match stream.next().await {
            Some(Ok(Item::Event(_))) => got += 1,
            Some(Ok(Item::Gap(_)) | Err(_)) | None => bail!("something is missing"),
            Some(Ok(_)) => {}
        }
    }
    Ok(EVENTS as f64 / begin.elapsed().as_secs_f64())
}

/// The same of a thread.
fn thread(stream: EventStream, runtime: &tokio::runtime::Handle) -> Result<f64> {
    let (begin, mut got) = (Instant::now(), 0);
    for item in stream.into_blocking_iter(runtime) {
        match item {
            Ok(Item::Event(_)) => got += 1,
            Ok(Item::Gap(_)) | Err(_) => bail!("something is missing"),
            Ok(_) => {}
        }
        if got == EVENTS {
            break;
        }
    }
    Ok(EVENTS as f64 / begin.elapsed().as_secs_f64())
}
