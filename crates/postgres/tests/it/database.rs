//! The database worker.

use std::{sync::Arc, time::Duration};

use headwater_broker::{Broker, ConsumerGroups as _, DeadLetterFilter, EventPublisher as _, GroupConfig};
use headwater_events::{Event, Position};
use headwater_postgres::{Database, Schema, database::Rebuilt, migrate, sqlx};
use headwater_test_servers::{Chance, Postgres, PostgresOptions, aside, need};
use headwater_worker::{Report, Worker};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::{Base, base, broker, eventually};

/// A run as a pipeline publishes it.
fn story(run: &str) -> Vec<Event> {
    let event = |n: u64, ty: &str, subject: &str, data: Value| {
        Event::builder("/agents/test", ty)
            .id(format!("{run}-{n}"))
            .subject(subject)
            .time(format!("2026-11-27T10:00:{n:02}Z").parse().unwrap())
            .data(&data)
            .build()
            .unwrap()
    };
    let part = |path: &str| format!("{run}/{path}");
    vec![
        event(
            0,
            "workflow.created.v1",
            run,
            json!({ "name": "pipeline", "input": { "n": 1 }, "requested_by": "ann" }),
        ),
        event(1, "workflow.started.v1", run, json!({})),
        event(2, "task.created.v1", &part("task/t-1"), json!({ "name": "dig", "input": [1] })),
        event(3, "task.started.v1", &part("task/t-1"), json!({ "worker": "w" })),
        event(4, "generation.started.v1", &part("generation"), json!({ "agent": "g" })),
        event(
            5,
            "generation.completed.v1",
            &part("generation"),
            json!({ "output": "code", "duration_ms": 12 }),
        ),
        event(6, "task.failed.v1", &part("task/t-1"), json!({ "error": "rock" })),
        event(7, "workflow.suspended.v1", run, json!({ "reason": "lunch" })),
        event(8, "workflow.resumed.v1", run, json!({})),
        event(9, "somebody.elses.v1", run, json!({})),
        event(10, "workflow.completed.v1", run, json!({ "output": { "ok": true }, "duration_ms": 9000 })),
    ]
}

/// How many of them are written.
const WRITTEN: i64 = 10;

async fn open(base: &Base) -> Database {
    Database::open(base.pool.clone(), Schema::default()).await.unwrap()
}

/// Everything the tables say of workflows and parts, as text.
async fn tables(base: &Base) -> String {
    let all = "SELECT concat(
        (SELECT jsonb_agg(to_jsonb(w) ORDER BY tenant, workflow) FROM headwater.workflows w), E'\\n',
        (SELECT jsonb_agg(to_jsonb(p) ORDER BY tenant, workflow, kind, part) FROM headwater.parts p), E'\\n',
        (SELECT jsonb_agg(to_jsonb(u) - 'recorded_at' ORDER BY tenant, source, id) FROM headwater.workflow_updates u))";
    sqlx::query_scalar(all).fetch_one(&base.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_found_in_the_tables_as_it_was() {
    let Some(base) = base().await else { return };
    let database = open(&base).await;
    for (at, event) in story("wf-1").iter().enumerate() {
        let new = database.apply(event, at as u64 + 1).await.unwrap();
        assert_eq!(new, event.ty() != "somebody.elses.v1", "{}", event.ty());
    }
    let text = |sql: &'static str| {
        let pool = base.pool.clone();
        async move { sqlx::query_scalar::<_, String>(sql).fetch_one(&pool).await.unwrap() }
    };
    let run =
        "SELECT concat_ws('|', state, name, input, requested_by, output, error, reason, duration_ms, updates,
        ended_at - created_at, ended_at - started_at) FROM headwater.workflows";
    assert_eq!(text(run).await, "completed|pipeline|{\"n\": 1}|ann|{\"ok\": true}|9000|10|00:00:10|00:00:09");
    let task =
        "SELECT concat_ws('|', task, state, name, input, error, ended_at - opened_at) FROM headwater.tasks";
    assert_eq!(text(task).await, "t-1|failed|dig|[1]|\"rock\"|00:00:04");
    let results = "SELECT string_agg(concat_ws(':', kind, outcome, output, error), ' ' ORDER BY position) FROM headwater.results";
    assert_eq!(
        text(results).await,
        "generation:completed:\"code\" task:failed:\"rock\" workflow:completed:{\"ok\": true}"
    );
}

/// Redelivered, by zombies, as replayed dead letters: whatever comes in whichever order, the log's order decides.
#[tokio::test(flavor = "multi_thread")]
async fn any_order_with_any_repeats_ends_in_the_same_tables() {
    let Some(base) = base().await else { return };
    let database = open(&base).await;
    let story = story("wf-1");
    for (at, event) in story.iter().enumerate() {
        let _ = database.apply(event, at as u64 + 1).await.unwrap();
    }
    let expected = tables(&base).await;
    let seed = Chance::fresh_seed();
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    for round in 0..30 {
        base.run("TRUNCATE headwater.workflow_updates, headwater.workflows, headwater.parts").await;
        let mut order: Vec<usize> = (0..story.len()).chain(0..story.len()).collect();
        for at in (1..order.len()).rev() {
            let other = usize::try_from(chance.below(at as u64 + 1)).unwrap();
            order.swap(at, other);
        }
        let mut new = 0;
        for at in order {
            new += i64::from(database.apply(&story[at], at as u64 + 1).await.unwrap());
        }
        assert_eq!(new, WRITTEN, "one effect each");
        assert_eq!(tables(&base).await, expected, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_apply_one_event_at_once_one_does() {
    let Some(base) = base().await else { return };
    let database = open(&base).await;
    for event in story("wf-1").into_iter().filter(|event| event.ty() != "somebody.elses.v1") {
        let all = (0..4).map(|_| {
            let (database, event) = (database.clone(), event.clone());
            tokio::spawn(async move { database.apply(&event, 1).await.unwrap() })
        });
        let mut new = 0;
        for one in all.collect::<Vec<_>>() {
            new += usize::from(one.await.unwrap());
        }
        assert_eq!(new, 1, "{}", event.ty());
    }
    assert_eq!(base.number("SELECT updates FROM headwater.workflows").await, WRITTEN);
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Report, headwater_worker::Error>>,
}

fn work(database: &Database, broker: &Arc<Broker>) -> Running {
    let worker: Worker = Database::worker(broker.clone(), Database::group()).build(database.clone()).unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(worker.run(async move { drop(stopped.await) }));
    Running { stop, task }
}

impl Running {
    async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap().unwrap();
    }
}

async fn publish_all(broker: &Broker, runs: std::ops::Range<usize>) {
    for run in runs {
        broker.publish(&story(&format!("wf-{run}"))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_that_are_rebuilt_are_the_same_and_go_on() {
    let Some(base) = base().await else { return };
    let (database, broker) = (open(&base).await, broker().await);
    let worker = work(&database, &broker);
    publish_all(&broker, 0..20).await;
    let count = "SELECT count(*) FROM headwater.workflow_updates";
    eventually("not written", async || base.number(count).await == 20 * WRITTEN).await;
    let before = tables(&base).await;
    // Something that the log does not say.
    base.run("UPDATE headwater.workflows SET state = 'lost'").await;
    let done = database.rebuild(&*broker, &Database::group(), GroupConfig::default()).await.unwrap();
    assert_eq!(done, Rebuilt { updates: 20 * WRITTEN.unsigned_abs() });
    eventually("not rebuilt", async || base.number(count).await == 20 * WRITTEN).await;
    assert_eq!(tables(&base).await, before);
    publish_all(&broker, 20..25).await;
    eventually("does not go on", async || base.number(count).await == 25 * WRITTEN).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_database_cannot_hold_is_a_dead_letter_and_holds_up_nobody() {
    let Some(base) = base().await else { return };
    let (database, broker) = (open(&base).await, broker().await);
    let event = |id: &str, data: &str| {
        let builder = Event::builder("/test", "workflow.started.v1").id(id).subject(format!("wf-{id}"));
        builder.data_json(data.to_owned()).build().unwrap()
    };
    let all = [
        event("zero", r#"{"name":"a\u0000b"}"#),
        event("refused", "{}"),
        event("good", r#"{"name":"good"}"#),
    ];
    broker.publish(&all).await.unwrap();
    base.run("ALTER TABLE headwater.workflow_updates ADD CHECK (id <> 'refused')").await;
    let worker = work(&database, &broker);
    eventually("not written", async || base.number("SELECT count(*) FROM headwater.workflows").await == 2)
        .await;
    let group = Database::group();
    let filter = DeadLetterFilter::default();
    eventually("no dead letter", async || {
        !broker.dead_letters(&group, &filter, Position(0), 10).await.unwrap().is_empty()
    })
    .await;
    let letters = broker.dead_letters(&group, &filter, Position(0), 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].event.id()), (1, "refused"));
    assert!(letters[0].reason.contains("database-refused"), "{}", letters[0].reason);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_restarted_under_a_worker_gets_every_event_once() {
    let Some(server) = need(aside(|| Postgres::start(&PostgresOptions::default())).await) else { return };
    let pool = headwater_postgres::connect(&server.url()).unwrap();
    migrate(&pool, &Schema::default()).await.unwrap();
    let database = Database::open(pool.clone(), Schema::default()).await.unwrap();
    let broker = broker().await;
    let worker = work(&database, &broker);
    let writer = {
        let broker = broker.clone();
        tokio::spawn(async move {
            for run in 0..100 {
                publish_all(&broker, run..run + 1).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
    };
    for how in [Postgres::crash, |server: &Postgres| server.server().restart(), Postgres::crash] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let server = server.clone();
        aside(move || how(&server)).await.unwrap();
    }
    writer.await.unwrap();
    let all = 100 * WRITTEN;
    let number =
        async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap_or(-1);
    eventually("some are missing", async || {
        number("SELECT count(*) FROM headwater.workflow_updates").await == all
    })
    .await;
    assert_eq!(number("SELECT sum(updates)::bigint FROM headwater.workflows").await, all, "one effect each");
    assert_eq!(number("SELECT count(*) FROM headwater.workflows WHERE state = 'completed'").await, 100);
    let info = broker.group(&Database::group()).await.unwrap().unwrap();
    assert_eq!(info.dead_letters, 0, "a database that is away is not the event's fault");
    worker.stop().await;
}
