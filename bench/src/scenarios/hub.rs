//! The hub: a million tokens published flat out over the memory store, to readers that lose nothing; beside the event
//! buses of two other libraries, each run in a process of its own.

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result, bail};
use headwater_broker::{
    Broker, BrokerConfig, EventBroker as _, EventPublisher as _, EventSubscriber as _, Item, Subscription,
};
use headwater_events::{Event, Scope, StreamName, Tenant};
use headwater_store::{MemoryOptions, MemoryStore};

use crate::{
    Setup, data, peers,
    stats::Sample,
    table::{Row, Wanted},
};

const EVENTS: usize = 1_000_000;
const BATCH: usize = 100;
/// Holds the whole run: about 1 KiB an event with everything that belongs to it.
const BUDGET: usize = 4 << 30;
const STREAM: &str = "run-1";

/// It loses what a reader is too slow for.
const LOSSY: &str = "weavegraph";
/// It keeps what a reader is too slow for, without a limit.
const UNBOUNDED: &str = "ruststream";

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let tokens = Arc::new(data::tokens(STREAM, EVENTS)?);
    let mut rows = Vec::new();
    for (readers, wanted, beside) in [
        (1, Wanted::Nothing, Wanted::Nothing),
        (8, Wanted::AtLeast(3e6), Wanted::AtLeast(1.0)),
        (64, Wanted::Nothing, Wanted::Nothing),
    ] {
        let [mut ours, mut lossy, mut unbounded] = <[Samples; 3]>::default();
        for _ in 0..setup.runs {
            ours.push(deliver(&tokens, readers).await?);
            lossy.push(peers::deliver(&setup.buses, LOSSY, readers, EVENTS, 1).await?);
            unbounded.push(peers::deliver(&setup.buses, UNBOUNDED, readers, EVENTS, 1).await?);
        }
        let what = format!("hub, 1 M tokens, {readers} catch_up readers");
        rows.push(Row::alone(what.clone(), UNIT, ours.rate.clone(), wanted));
        rows.push(Row::beside(what.clone(), UNIT, ours.rate.clone(), (LOSSY, lossy.rate), Wanted::Nothing));
        rows.push(Row::beside(what.clone(), UNIT, ours.rate, (UNBOUNDED, unbounded.rate), beside));
        let what = format!("{what}: lost");
        rows.push(Row::alone(what.clone(), "deliveries", ours.lost.clone(), Wanted::AtMost(0.0)));
        rows.push(Row::beside(what, "deliveries", ours.lost, (LOSSY, lossy.lost), Wanted::Nothing));
    }
    Ok(rows)
}

const UNIT: &str = "deliveries/s";

/// Of each run, deliveries a second in sum, and deliveries that some reader did not get.
#[derive(Default)]
struct Samples {
    rate: Sample,
    lost: Sample,
}

impl Samples {
    fn push(&mut self, (rate, lost): (f64, usize)) {
        self.rate.push(rate);
        self.lost.push(lost as f64);
    }
}

/// Deliveries a second in sum, and how many deliveries some reader did not get; published in batches.
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
