//! The database worker and the relay as programs, over a server that is killed, and killed themselves.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use headwater_e2e::{Chance, Server, publish};
use headwater_test_servers::{Postgres, PostgresOptions, need};

const UPDATES: &str = "SELECT coalesce(sum(updates), 0) FROM headwater.workflows";

/// A worker in a process of its own, killed when it is dropped.
struct Worker(Child);

impl Worker {
    fn start(program: &Path, kind: &str, broker: &str, database: &str) -> Self {
        let mut command = worker(program, kind, broker, database);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("a worker"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn worker(program: &Path, kind: &str, broker: &str, database: &str) -> Command {
    let mut command = Command::new(program);
    // The password is not on the command line.
    command.args(["worker", kind, "--broker", broker]).env("HEADWATER_DATABASE", database);
    command
}

/// Runs a worker that cannot work.
fn refused(program: &Path, kind: &str, database: &str) -> (Option<i32>, String) {
    let Output { status, stderr, .. } =
        worker(program, kind, "http://127.0.0.1:1", database).output().expect("a worker");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn event(run: usize, ty: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{run}-{ty}","source":"/e2e","type":"{ty}.v1","subject":"wf-{run}","data":{{}}}}"#
    )
}

/// Publishes until the server, which may be down, has answered.
fn insist(server: &Server, event: &str) {
    soon("not published", || publish(server.address(), event).is_ok_and(|(status, _)| status == 200));
}

#[test]
fn every_event_is_in_the_tables_once_whoever_is_killed() {
    let Some(postgres) = need(Postgres::start(&PostgresOptions::default())) else { return };
    let program = Server::program().unwrap();
    let seed = Chance::fresh_seed();
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    let mut server = Server::new(&program, &mut chance, None).unwrap();
    server.start().unwrap();
    let (url, database) = (server.url(), postgres.url());
    let start = || Worker::start(&program, "database", &url, &database);
    let mut workers = [start(), start()];
    let runs = 60;
    for run in 0..runs {
        insist(&server, &event(run, "workflow.started"));
        insist(&server, &event(run, "workflow.completed"));
        if run % 10 == 9 {
            thread::sleep(Duration::from_millis(chance.below(200)));
            let at = usize::try_from(chance.below(2)).unwrap();
            workers[at] = start();
        }
        if run % 20 == 15 {
            server.kill().unwrap();
            server.start().unwrap();
        }
    }
    let all = (2 * runs).to_string();
    soon("some are missing", || postgres.sql("postgres", UPDATES).is_ok_and(|found| found == all));
    let done = "SELECT count(*) FROM headwater.workflows WHERE state = 'completed'";
    assert_eq!(postgres.sql("postgres", done).unwrap(), runs.to_string());
}

#[test]
fn the_relay_carries_an_outbox_to_the_server() {
    let Some(postgres) = need(Postgres::start(&PostgresOptions::default())) else { return };
    let program = Server::program().unwrap();
    let mut chance = Chance::new(Chance::fresh_seed());
    let mut server = Server::new(&program, &mut chance, None).unwrap();
    server.start().unwrap();
    let database = postgres.url();
    let _relay = Worker::start(&program, "outbox", &server.url(), &database);
    soon("no schema", || postgres.sql("postgres", "SELECT count(*) FROM headwater.outbox").is_ok());
    // As another program writes it.
    let insert = format!(
        "INSERT INTO headwater.outbox (slot, run, tenant, stream, event) VALUES (0, 1, 'default', 'wf-7', '{}')",
        event(7, "workflow.started")
    );
    postgres.sql("postgres", &insert).unwrap();
    soon("not relayed", || {
        headwater_e2e::get(server.address(), "/v1/streams/wf-7").is_ok_and(|(status, _)| status == 200)
    });
    soon("not marked", || {
        postgres.sql("postgres", "SELECT count(*) FROM headwater.outbox").is_ok_and(|n| n == "0")
    });
}

#[test]
fn what_cannot_work_ends_with_64_and_shows_no_password() {
    let Some(postgres) = need(Postgres::start(&PostgresOptions::default())) else { return };
    let program = Server::program().unwrap();
    let refused = |kind: &str, database: &str| {
        let (code, said) = refused(&program, kind, database);
        assert!(!said.contains("s3cret") && !said.contains("open-sesame"), "{said}");
        (code, said)
    };
    let (code, said) = refused("database", "mysql://me:s3cret@localhost/db");
    assert!(code == Some(64) && said.contains("postgres://"), "{code:?} {said}");

    postgres.sql("postgres", "CREATE ROLE clerk LOGIN PASSWORD 's3cret'").unwrap();
    let (code, said) = refused("outbox", &postgres.url_of("clerk", "s3cret", "postgres"));
    assert!(
        code == Some(64) && said.contains("schema-rights") && said.contains("CREATE TABLE"),
        "{code:?} {said}"
    );

    let (code, said) = refused("database", &postgres.url_of("clerk", "s3cret-and-wrong", "postgres"));
    assert!(code == Some(1) && said.contains("clerk"), "{code:?} {said}");

    postgres.sql("postgres", "CREATE SCHEMA headwater; CREATE TABLE headwater.migrations (version integer, name text); INSERT INTO headwater.migrations VALUES (99, 'x')").unwrap();
    let (code, said) = refused("database", &postgres.url());
    assert!(code == Some(64) && said.contains("schema-too-new"), "{code:?} {said}");
}
