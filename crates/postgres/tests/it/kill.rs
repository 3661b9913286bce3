//! The end of a process in the middle of everything, effects counted in PostgreSQL.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use headwater_broker::{
    Broker, ConsumerGroups as _, Error, EventPublisher, Fetch, Group, GroupConfig, Published, Settlement,
    Start, Verdict,
};
use headwater_client::{HttpBroker, HttpOptions};
use headwater_events::Event;
use headwater_gateway::{Gateway, GatewayConfig};
use headwater_postgres::{
    Claim, Inbox, Relay, RelayOptions, Schema,
    sqlx::{self, PgPool},
};
use headwater_test_servers::Chance;
use tokio_util::sync::CancellationToken;

use crate::support::{Base, base, broker, event, eventually, numbers, quick};

/// Where a child finds what it needs; without it the child's test has nothing to do.
const DATABASE: &str = "HEADWATER_TEST_DATABASE";
const BROKER: &str = "HEADWATER_TEST_BROKER";
/// Set by `cargo xtask soak`.
const SOAK: &str = "HEADWATER_SOAK";
const SEED: &str = "HEADWATER_TEST_SEED";

fn rounds(test: usize, soak: usize) -> usize {
    if std::env::var_os(SOAK).is_some() { soak } else { test }
}

fn chance() -> Chance {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(Chance::fresh_seed);
    println!("{SEED}={seed}");
    Chance::new(seed)
}

/// Runs one test of this program as another process.
fn child(test: &str, database: &str, broker: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DATABASE, database)
        .env(BROKER, broker)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it without a word.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Waits after each answer of the broker, so that most kills fall between publish and mark.
struct Slow(HttpBroker);

#[async_trait]
impl EventPublisher for Slow {
    async fn publish(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        let published = self.0.publish(events).await;
        tokio::time::sleep(Duration::from_millis(15)).await;
        published
    }
}

/// Not a test of its own: [`a_relay_that_is_killed_loses_and_doubles_nothing`] runs it as another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_relays_until_it_is_killed() {
    let (Ok(database), Ok(broker)) = (std::env::var(DATABASE), std::env::var(BROKER)) else { return };
    let pool = headwater_postgres::connect(&database).unwrap();
    let client = HttpBroker::connect(&broker, HttpOptions::default()).unwrap();
    let options = RelayOptions { batch_events: 10, lease: Duration::from_millis(300), ..quick() };
    Relay::new(pool, Arc::new(Slow(client)), options).run(CancellationToken::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relay_that_is_killed_loses_and_doubles_nothing() {
    const RUNS: usize = 7;
    let Some(base) = base().await else { return };
    base.run("CREATE TABLE effects (id text)").await;
    let (broker, mut chance) = (broker().await, chance());
    let url = serve(&broker).await;
    let worker = tokio::spawn(work(Arc::clone(&broker), base.pool.clone()));
    let rounds = rounds(20, 300);
    let (mut sent, mut stopped_short) = (0, 0);
    for _ in 0..rounds {
        for _ in 0..10 {
            let batch: Vec<Event> =
                (0..5).map(|i| event(&format!("run-{}", (sent + i) % RUNS), sent + i)).collect();
            base.enqueue(&batch).await;
            sent += batch.len();
        }
        let before = base.backlog().await.depth;
        let relay = child("kill::child_that_relays_until_it_is_killed", &base.url, &url);
        eventually("the relay does nothing", async || base.backlog().await.depth < before).await;
        tokio::time::sleep(Duration::from_millis(chance.below(40))).await;
        kill(relay);
        stopped_short += usize::from(base.backlog().await.depth > 0);
    }
    assert!(stopped_short > rounds / 4, "only {stopped_short} of {rounds} were killed at work");
    let last = base.relay(broker.clone(), quick());
    base.drained().await;
    for run in 0..RUNS {
        let expected: Vec<usize> = (0..sent).filter(|n| n % RUNS == run).collect();
        assert_eq!(numbers(&*broker, &format!("run-{run}")).await, expected, "run-{run}");
    }
    let count = "SELECT count(*) FROM effects";
    eventually("effects", async || usize::try_from(base.number(count).await).unwrap() >= sent).await;
    assert_eq!(base.number("SELECT count(*) - count(DISTINCT id) FROM effects").await, 0, "doubled");
    assert_eq!(usize::try_from(base.number(count).await).unwrap(), sent);
    worker.abort();
    last.stop().await;
}

/// A gateway over the broker; gives its URL.
async fn serve(broker: &Arc<Broker>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Gateway::new(broker.clone(), GatewayConfig::default());
    tokio::spawn(async move { gateway.serve(listener, std::future::pending()).await });
    url
}

/// Notes each event once for every time it comes: the broker's own dedup is what keeps it from coming twice.
async fn work(broker: Arc<Broker>, pool: PgPool) {
    let group = Group::of_all("effects".parse().unwrap());
    broker.put_group(&group, Start::Earliest, GroupConfig::default()).await.unwrap();
    loop {
        let fetch =
            Fetch { worker: "w".parse().unwrap(), session: None, max: 100, wait: Duration::from_secs(1) };
        let fetched = broker.fetch(&group, fetch).await.unwrap();
        let mut settlements = Vec::new();
        for leased in fetched.deliveries {
            let insert = sqlx::query("INSERT INTO effects VALUES ($1)").bind(leased.event().id().to_owned());
            insert.execute(&pool).await.unwrap();
            settlements.push(Settlement { lease: leased.lease, verdict: Verdict::Ack });
        }
        broker.settle(&group, settlements).await.unwrap();
    }
}

/// Not a test of its own: [`a_handler_killed_between_effect_and_note_has_one_effect`] runs it as another process. It
/// handles one event, and takes its time between claim, effect and commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_handles_until_it_is_killed() {
    let (Ok(database), Ok(id)) = (std::env::var(DATABASE), std::env::var(BROKER)) else { return };
    let pool = headwater_postgres::connect(&database).unwrap();
    handle(&pool, id.parse().unwrap(), Duration::from_millis(4)).await;
}

/// Handles an event as a worker does to which it may come again.
async fn handle(pool: &PgPool, n: usize, pause: Duration) {
    let (inbox, group) = (Inbox::new(Schema::default()), Group::of_all("one".parse().unwrap()));
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO begun VALUES ($1)").bind(i64::try_from(n).unwrap()).execute(pool).await.unwrap();
    let claim = inbox.claim(&mut tx, &group, &event("run", n)).await.unwrap();
    tokio::time::sleep(pause).await;
    if claim == Claim::New {
        sqlx::query("INSERT INTO effects VALUES ($1)").bind(format!("{n}")).execute(&mut *tx).await.unwrap();
        tokio::time::sleep(pause).await;
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_killed_between_effect_and_note_has_one_effect() {
    let Some(base) = base().await else { return };
    base.run("CREATE TABLE effects (id text); CREATE TABLE begun (n bigint)").await;
    let mut chance = chance();
    let rounds = rounds(100, 500);
    let mut short = 0;
    for n in 0..rounds {
        let worker = child("kill::child_that_handles_until_it_is_killed", &base.url, &n.to_string());
        begun(&base).await;
        tokio::time::sleep(Duration::from_micros(chance.below(16_000))).await;
        kill(worker);
        short +=
            usize::from(usize::try_from(base.number("SELECT count(*) FROM effects").await).unwrap() <= n);
        // It comes again, as after every worker that died.
        handle(&base.pool, n, Duration::ZERO).await;
        base.run("TRUNCATE begun").await;
        let seen = usize::try_from(base.number("SELECT count(*) FROM effects").await).unwrap();
        assert_eq!(seen, n + 1, "round {n}");
    }
    assert!(short > rounds / 10, "only {short} of {rounds} were killed before their commit");
    assert_eq!(base.number("SELECT count(*) - count(DISTINCT id) FROM effects").await, 0);
}

async fn begun(base: &Base) {
    eventually("it does not begin", async || base.number("SELECT count(*) FROM begun").await > 0).await;
}
