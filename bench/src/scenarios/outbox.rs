//! From a transaction in PostgreSQL to the broker: the outbox and one relay, over the embedded log.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use headwater_broker::{
    Broker, BrokerConfig, EventPublisher, EventStream, EventSubscriber as _, Item, Start, Subscription,
};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_events::{Event, Scope, Tenant};
use headwater_postgres::{Outbox, Relay, RelayOptions, Schema, migrate, sqlx::PgPool};
use headwater_test_servers::{Postgres, PostgresOptions, aside};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Setup,
    data::{Template, stamp},
    scan::Scanner,
    stats::{Sample, percentile},
    table::{Row, Wanted},
};

/// Programs that write at once, each in transactions of its own.
const WRITERS: usize = 4;
const ROWS: usize = 10;
const TRANSACTIONS: usize = 1_000;
/// One transaction of one event every 2 ms are 500 events a second.
const EVERY: Duration = Duration::from_millis(2);
const TICKS: usize = 2_500;
/// The first ones are not counted.
const WARM_UP: usize = 500;
const IN_FLIGHT: usize = 16;
/// How long everything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let (mut rate, mut p50, mut p99) = (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..setup.runs {
        let world = World::start().await?;
        rate.push(world.rate().await?);
        let delays = world.delays().await?;
        p50.push(percentile(&delays, 50.0));
        p99.push(percentile(&delays, 99.0));
        world.stop().await?;
    }
    let what = "outbox, enqueue to broker";
    Ok(vec![
        Row::alone(
            format!("{what}, {ROWS} rows a transaction, {WRITERS} writers"),
            "ev/s",
            rate,
            Wanted::AtLeast(5_000.0),
        ),
        Row::alone(format!("{what} at 500 ev/s: p50"), "ms", p50, Wanted::AtMost(20.0)),
        Row::alone(format!("{what} at 500 ev/s: p99"), "ms", p99, Wanted::Nothing),
    ])
}

/// A PostgreSQL that syncs each commit, an embedded log that does so too, and a relay between them.
struct World {
    pool: PgPool,
    outbox: Outbox,
    broker: Arc<Broker>,
    stop: CancellationToken,
    relay: JoinHandle<Result<(), headwater_postgres::Error>>,
    _server: Postgres,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Result<Self> {
        let server = aside(|| Postgres::start(&PostgresOptions::default().durable())).await?;
        let pool = headwater_postgres::connect(&server.url())?;
        migrate(&pool, &Schema::default()).await?;
        let folder = tempfile::tempdir()?;
        let store = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).await?;
        let broker = Arc::new(Broker::open(Arc::new(store), BrokerConfig::default()).await?);
        let publisher: Arc<dyn EventPublisher> = broker.clone();
        // Another pool: a relay is another process as a rule.
        let relay =
            Relay::new(headwater_postgres::connect(&server.url())?, publisher, RelayOptions::default());
        let stop = CancellationToken::new();
        let relay = tokio::spawn(relay.run(stop.clone()));
        let outbox = Outbox::new(Schema::default());
        Ok(Self { pool, outbox, broker, stop, relay, _server: server, _folder: folder })
    }

    async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.relay.await??;
        Ok(())
    }

    async fn tail(&self) -> Result<EventStream> {
        let scope = Scope::Tenant(Tenant::default());
        Ok(self.broker.subscribe(Subscription::new(scope).start(Start::Live)).await?)
    }

    /// Events a second from the first enqueue until the broker has the last.
    async fn rate(&self) -> Result<f64> {
        let total = WRITERS * TRANSACTIONS * ROWS;
        let mut tail = self.tail().await?;
        let begin = Instant::now();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (pool, outbox) = (self.pool.clone(), self.outbox.clone());
            writers.spawn(async move {
                let mut template = Template::new(&format!("run-{writer}"));
                for n in 0..TRANSACTIONS {
                    let batch = build(&mut template, (n * ROWS) as u64, ROWS)?;
                    let mut tx = pool.begin().await?;
                    outbox.enqueue_all(&mut tx, &batch).await?;
                    tx.commit().await?;
                }
                anyhow::Ok(())
            });
        }
        let mut came = 0;
        let all = async {
            while came < total {
                came += next(&mut tail).await?.len();
            }
            anyhow::Ok(())
        };
        let in_time = tokio::time::timeout(PATIENCE, all).await;
        in_time.with_context(|| format!("{came} of {total} events came"))??;
        let took = begin.elapsed();
        while let Some(writer) = writers.join_next().await {
            writer??;
        }
        Ok(total as f64 / took.as_secs_f64())
    }

    /// From before the transaction begins until a subscriber of the broker has the event, in milliseconds.
    async fn delays(&self) -> Result<Vec<f64>> {
        let mut tail = self.tail().await?;
        let reader = tokio::spawn(async move {
            let mut delays = Vec::with_capacity(TICKS);
            while delays.len() < TICKS {
                for event in next(&mut tail).await? {
                    let now = stamp();
                    Scanner::default()
                        .feed(event.json(), |sent| delays.push(now.saturating_sub(sent) as f64 / 1000.0));
                }
            }
            anyhow::Ok(delays)
        });
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut template = Template::new("run-steady");
        let mut writing = JoinSet::new();
        for n in 0..TICKS {
            tick.tick().await;
            while writing.len() >= IN_FLIGHT {
                writing.join_next().await.context("nothing in flight")???;
            }
            let event = build(&mut template, n as u64, 1)?;
            let (pool, outbox) = (self.pool.clone(), self.outbox.clone());
            writing.spawn(async move {
                let mut tx = pool.begin().await?;
                outbox.enqueue_all(&mut tx, &event).await?;
                tx.commit().await?;
                anyhow::Ok(())
            });
        }
        while let Some(done) = writing.join_next().await {
            done??;
        }
        let delays = tokio::time::timeout(PATIENCE, reader).await.context("events are missing")???;
        Ok(delays[WARM_UP..].to_vec())
    }
}

/// The next events of a subscription.
async fn next(tail: &mut EventStream) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for item in tail.next_batch(1024).await.context("the stream ended")?? {
        match item {
            Item::Event(delivery) => events.push(delivery.event().clone()),
            Item::Gap(gap) => anyhow::bail!("a gap: {}", gap.reason),
            Item::CaughtUp(_) | Item::End(_) => {}
        }
    }
    Ok(events)
}

/// Events that carry the present time.
fn build(template: &mut Template, first: u64, count: usize) -> Result<Vec<Event>> {
    (0..count as u64).map(|n| Ok(Event::from_json(template.json(first + n, stamp()).to_vec())?)).collect()
}
