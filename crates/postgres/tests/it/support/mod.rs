//! A database of one's own, a broker, and what the tests ask of both.

mod broken;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use headwater_broker::{Broker, BrokerConfig, EventBroker, EventPublisher, Start};
use headwater_events::{Event, Filter, Scope, StreamName, Tenant};
use headwater_postgres::{
    Error, Outbox, Relay, RelayOptions, Schema, migrate,
    outbox::{Backlog, RelayState, RelayStatus},
    sqlx::{PgPool, Postgres as Db, Transaction},
};
use headwater_store::{MemoryOptions, MemoryStore};
use headwater_test_servers::{Postgres, aside, need};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

pub(crate) use broken::{Broken, Mood};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database of its own on the shared server, migrated.
pub(crate) struct Base {
    pub(crate) server: &'static Postgres,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) pool: PgPool,
}

/// A new database; `None` where there is no PostgreSQL.
pub(crate) async fn base() -> Option<Base> {
    let base = bare().await?;
    migrate(&base.pool, &Schema::default()).await.unwrap();
    Some(base)
}

/// A new database without the schema.
pub(crate) async fn bare() -> Option<Base> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = need(aside(Postgres::shared).await)?;
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let made = name.clone();
    let url = aside(move || server.database(&made)).await.unwrap();
    let pool = headwater_postgres::connect(&url).unwrap();
    Some(Base { server, name, url, pool })
}

impl Base {
    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::new(Schema::default())
    }

    /// Enqueues events in a transaction of their own.
    pub(crate) async fn enqueue(&self, events: &[Event]) {
        let mut tx = self.pool.begin().await.unwrap();
        self.outbox().enqueue_all(&mut tx, events).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Starts a relay with short times.
    pub(crate) fn relay(&self, broker: Arc<dyn EventPublisher>, options: RelayOptions) -> Running {
        let relay = Relay::new(self.pool.clone(), broker, options);
        let (status, stop) = (relay.status(), CancellationToken::new());
        let task = tokio::spawn(relay.run(stop.clone()));
        Running { status, stop, task }
    }

    pub(crate) async fn backlog(&self) -> Backlog {
        Backlog::read(&self.pool, &Schema::default()).await.unwrap()
    }

    /// One number.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        headwater_postgres::sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn run(&self, sql: &'static str) {
        headwater_postgres::sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }

    /// Waits until nothing is left to publish.
    pub(crate) async fn drained(&self) {
        eventually("the outbox is not empty", async || self.backlog().await.depth == 0).await;
    }
}

/// A relay that runs.
pub(crate) struct Running {
    pub(crate) status: watch::Receiver<RelayStatus>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Waits for a state.
    pub(crate) async fn reaches(&mut self, state: RelayState) {
        let wait = self.status.wait_for(|status| status.state == state);
        let found = tokio::time::timeout(PATIENCE, wait).await;
        assert!(matches!(found, Ok(Ok(_))), "never {state:?}");
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// What it ended with.
    pub(crate) async fn ended(self) -> Result<(), Error> {
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }

    /// Drops it in the middle of whatever it does.
    pub(crate) async fn abort(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Options with short times.
pub(crate) fn quick() -> RelayOptions {
    RelayOptions {
        poll: Duration::from_millis(100),
        lease: Duration::from_secs(1),
        backoff: (Duration::from_millis(5), Duration::from_millis(50)),
        sample: Duration::from_millis(50),
        ..RelayOptions::default()
    }
}

/// A broker in memory.
pub(crate) async fn broker() -> Arc<Broker> {
    broker_with(BrokerConfig::default()).await
}

pub(crate) async fn broker_with(config: BrokerConfig) -> Arc<Broker> {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    Arc::new(Broker::open(store, config).await.unwrap())
}

/// Event `n` of a run.
pub(crate) fn event(run: &str, n: usize) -> Event {
    event_with(run, n, "")
}

/// Event `n` of a run with some text.
pub(crate) fn event_with(run: &str, n: usize, text: &str) -> Event {
    Event::builder("/test", "test.step.done.v1")
        .id(format!("{run}-{n}"))
        .subject(run)
        .data(&serde_json::json!({ "n": n, "text": text }))
        .build()
        .unwrap()
}

/// The numbers of a run's events as the broker has them.
pub(crate) async fn numbers(broker: &dyn EventBroker, run: &str) -> Vec<usize> {
    let scope = Scope::Stream(Tenant::default(), StreamName::new(run.to_owned()).unwrap());
    let mut all = Vec::new();
    let mut start = Start::Earliest;
    loop {
        let page = broker.read(&scope, &Filter::default(), start, 1000).await.unwrap();
        if page.events.is_empty() {
            return all;
        }
        all.extend(page.events.iter().map(|delivery| number(delivery.event())));
        start = Start::After(page.next);
    }
}

fn number(event: &Event) -> usize {
    let data: BTreeMap<String, serde_json::Value> = event.data_as().unwrap();
    usize::try_from(data["n"].as_u64().unwrap()).unwrap()
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A transaction of a database.
pub(crate) type Tx = Transaction<'static, Db>;
