//! The hub: a million tokens published flat out over the memory store, to readers that lose nothing.

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result, bail};
use headwater_broker::{
    Broker, BrokerConfig, EventBroker as _, EventPublisher as _, EventSubscriber as _, Item, Subscription,
};
use headwater_events::{Event, Scope, StreamName, Tenant};
use headwater_store::{MemoryOptions, MemoryStore};

use crate::{
    Setup, data,
    stats::Sample,
    table::{Row, Wanted},
};

const EVENTS: usize = 1_000_000;
const BATCH: usize = 100;
/// Holds the whole run: about 1 KiB an event with everything that belongs to it.
const BUDGET: usize = 4 << 30;
const STREAM: &str = "run-1";

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let tokens = Arc::new(data::tokens(STREAM, EVENTS)?);
    let mut rows = Vec::new();
    for (readers, wanted) in [(1, Wanted::Nothing), (8, Wanted::AtLeast(3e6)), (64, Wanted::Nothing)] {
        let (mut rate, mut lost) = (Sample::default(), Sample::default());
        for _ in 0..setup.runs {
            let (per_second, missing) = deliver(&tokens, readers).await?;
            rate.push(per_second);
            lost.push(missing as f64);
        }
        let what = format!("hub, 1 M tokens in batches of {BATCH}, {readers} catch_up readers");
        rows.push(Row::alone(what.clone(), "deliveries/s", rate, wanted));
        rows.push(Row::alone(format!("{what}: lost"), "events", lost, Wanted::AtMost(0.0)));
    }
    Ok(rows)
}

/// Deliveries a second in sum, and how many of the events some reader did not get.
async fn deliver(tokens: &Arc<Vec<Event>>, readers: usize) -> Result<(f64, usize)> {
    let store = MemoryStore::new(MemoryOptions { max_bytes: BUDGET, ..MemoryOptions::default() });
    let broker = Broker::open(Arc::new(store), BrokerConfig::default()).await?;
    let scope = Scope::Stream(Tenant::default(), StreamName::new(STREAM)?);
    let mut tails = tokio::task::JoinSet::new();
    for _ in 0..readers {
        let mut stream = broker.subscribe(Subscription::new(scope.clone())).await?;
        tails.spawn(async move {
            let (mut got, mut gaps) = (0, 0);
            while got < EVENTS && gaps == 0 {
                for item in stream.next_batch(1024).await.context("the stream ended early")?? {
                    match item {
                        Item::Event(_) => got += 1,
                        Item::Gap(_) => gaps += 1,
                        _ => {}
                    }
                }
            }
            anyhow::Ok(got)
        });
    }
    let begin = Instant::now();
    let publisher = {
        let (broker, tokens) = (broker.clone(), Arc::clone(tokens));
        tokio::spawn(async move {
            for batch in tokens.chunks(BATCH) {
                broker.publish(batch).await?;
            }
            anyhow::Ok(())
        })
    };
    let (mut delivered, mut lost) = (0, 0);
    while let Some(got) = tails.join_next().await {
        let got = got??;
        delivered += got;
        lost += EVENTS - got;
    }
    let took = begin.elapsed().as_secs_f64();
    publisher.await??;
    broker.close().await?;
    if delivered == 0 {
        bail!("nothing was delivered");
    }
    Ok((delivered as f64 / took, lost))
}
