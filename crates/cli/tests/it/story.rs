//! The binary as people use it: publish, read, kill, go on.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use crate::support::{PATIENCE, Server, events, headwater, run, run_with, stderr, stdout};
use serde_json::Value;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(text: &str) -> Vec<String> {
    lines(text).iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_reader_goes_on_after_the_server_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let published =
        run_with(folder, &["publish", "--json", "--url", &server.url, "-"], &events("wf-1", 20, true));
    assert_eq!(published.status.code(), Some(0), "{}", stderr(&published));
    let results = lines(&stdout(&published));
    assert_eq!(results.len(), 21);
    assert!(results.iter().all(|result| result["duplicate"] == false && result["cursor"].is_string()));
    let cursor = results[9]["cursor"].as_str().unwrap().to_owned();

    server.kill();
    let server = Server::start(folder, &[]);
    let rest = events("wf-1", 20, false).lines().last().unwrap().to_owned() + "\n";
    assert_eq!(run_with(folder, &["publish", "--url", &server.url], &rest).status.code(), Some(0));
    let tail = ["tail", "wf-1", "--json", "--until-end", "--after", &cursor, "--url", &server.url];
    let read = run(folder, &tail);
    assert_eq!(read.status.code(), Some(0), "{}", stderr(&read));
    let expected: Vec<String> = (10..=21).map(|n| format!("wf-1-{n}")).collect();
    assert_eq!(ids(&stdout(&read)), expected);

    let streams = run(folder, &["streams", "--json", "--url", &server.url]);
    let streams = lines(&stdout(&streams));
    assert_eq!(
        (streams[0]["stream"].as_str(), streams[0]["state"].as_str()),
        (Some("wf-1"), Some("completed"))
    );
    let show = stdout(&run(folder, &["show", "wf-1", "--url", &server.url]));
    assert!(show.starts_with("wf-1  completed\n") && show.contains("22 durable events"), "{show}");
    assert_eq!(run(folder, &["show", "wf-2", "--url", &server.url]).status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn a_signal_stops_the_server_in_order() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Server::start(folder.path(), &[]).terminate(), Some(0));
    let checked = run(folder.path(), &["check", "--broker", "embedded:./data"]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(stdout(&checked).contains("sound: "), "{}", stdout(&checked));
}

#[test]
fn publish_waits_while_the_server_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let address = server.url.trim_start_matches("http://").to_owned();
    let url = server.url.clone();
    server.kill();
    fs::write(folder.join("events"), events("wf-1", 5, false)).unwrap();
    let mut publish = headwater(folder);
    let mut publish =
        publish.args(["publish", "events", "--url", &url]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(publish.try_wait().unwrap().is_none(), "publish gave up");
    let server = Server::start(folder, &["--listen", &address]);
    assert!(publish.wait().unwrap().success());
    let read = run(folder, &["tail", "wf-1", "--json", "--until-end", "--url", &server.url]);
    assert_eq!(ids(&stdout(&read)).len(), 7);
}

#[test]
fn refused_events_are_named_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let good = events("wf-1", 4, false);
    let mut input: Vec<&str> = good.lines().collect();
    input.insert(1, "nonsense");
    input.insert(3, r#"{"specversion":"1.0","id":"x","source":"/a","type":"t"}"#);
    let published = run_with(folder, &["publish", "--url", &server.url, "-"], &input.join("\n"));
    assert_eq!(published.status.code(), Some(1));
    let said = stderr(&published);
    assert!(said.contains("line 2: malformed-json: ") && said.contains("line 4: missing-stream: "), "{said}");
    assert!(said.contains("6 events stored, 2 refused"), "{said}");
    let read = run(folder, &["tail", "wf-1", "--json", "--until-end", "--url", &server.url]);
    assert_eq!(ids(&stdout(&read)).len(), 6);
}

#[test]
fn one_event_over_several_lines_is_one_event() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let event = "{\n \"specversion\": \"1.0\",\n \"id\": \"1\", \"source\": \"/a\",\n \"type\": \"my.note\", \"subject\": \"wf-9\"\n}\n";
    fs::write(folder.join("event.json"), event).unwrap();
    let published = run(folder, &["publish", "event.json", "--url", &server.url]);
    assert_eq!(published.status.code(), Some(0), "{}", stderr(&published));
    let read = run(folder, &["tail", "--until-end", "--after", "earliest", "--json", "--url", &server.url]);
    assert_eq!(ids(&stdout(&read)), ["1"]);
}

#[test]
fn export_and_import_bring_a_run_elsewhere_once() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (here, there) = (here.path(), there.path());
    let server = Server::start(here, &[]);
    assert!(run_with(here, &["publish", "--url", &server.url], &events("wf-1", 250, false)).status.success());
    let exported = run(here, &["export", "wf-1", "--url", &server.url]);
    assert_eq!(exported.status.code(), Some(0), "{}", stderr(&exported));
    assert_eq!(ids(&stdout(&exported)).len(), 252);
    fs::write(there.join("half"), stdout(&exported).lines().take(100).collect::<Vec<_>>().join("\n"))
        .unwrap();
    fs::write(there.join("run"), &exported.stdout).unwrap();

    // Straight into a log that no server has open: half of it, all of it, and all of it again.
    let import = |file: &str| {
        let imported = run(there, &["import", file, "--url", "embedded:./data"]);
        assert_eq!(imported.status.code(), Some(0), "{}", stderr(&imported));
        stderr(&imported)
    };
    assert!(import("half").contains("100 events stored"));
    assert!(import("run").contains("152 events stored, 100 already there"));
    assert!(import("run").contains("0 events stored, 252 already there"));
    let again = run(there, &["export", "wf-1", "--url", "embedded:./data"]);
    assert_eq!(stdout(&again), stdout(&exported));
    let checked = run(there, &["check", "--broker", "embedded:./data"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", stdout(&checked), stderr(&checked));
}

#[test]
fn a_closed_pipe_ends_tail_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    assert!(
        run_with(folder, &["publish", "--url", &server.url], &events("wf-1", 2000, false)).status.success()
    );
    let mut command = headwater(folder);
    command.args(["tail", "wf-1", "--url", &server.url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tail = command.spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(16, tail.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("workflow.started"), "{first}");
    assert_eq!(tail.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    tail.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!said.contains("panic"), "{said}");
}

#[test]
fn the_demo_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let demo = run(folder.path(), &["demo", "--plain", "--speed", "200"]);
    let said = stdout(&demo);
    assert_eq!(demo.status.code(), Some(0), "{said}{}", stderr(&demo));
    assert!(
        said.contains("reader disconnected on purpose") && said.contains("missed 0, repeated 0"),
        "{said}"
    );
    assert!(said.contains("accepts the run") && !said.contains('✗'), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_tail_comes_back_by_itself_when_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let url = server.url.clone();
    let address = url.trim_start_matches("http://").to_owned();
    let all = events("wf-1", 8, false);
    let all: Vec<&str> = all.lines().collect();
    let publish = |part: &[&str]| {
        assert!(run_with(folder, &["publish", "--url", &url], &part.join("\n")).status.success());
    };
    publish(&all[..4]);
    let mut tail = headwater(folder);
    tail.args(["tail", "wf-1", "--json", "--until-end", "--url", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut tail = tail.spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["id"].clone();
    for n in 0..4 {
        assert_eq!(next(), format!("wf-1-{n}"));
    }
    server.kill();
    let server = Server::start(folder, &["--listen", &address]);
    publish(&all[4..]);
    for n in 4..10 {
        assert_eq!(next(), format!("wf-1-{n}"));
    }
    assert!(tail.wait().unwrap().success());
    drop(server);
}

#[test]
fn a_server_with_keys_serves_who_has_one_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = run(
        folder,
        &[
            "keys",
            "create",
            "ci",
            "--keys",
            "keys.json",
            "--tenants",
            "acme",
            "--scopes",
            "publish,subscribe",
            "--json",
        ],
    );
    let made: serde_json::Value = serde_json::from_str(&stdout(&made)).unwrap();
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let server = Server::start(folder, &["--keys", "keys.json"]);
    let publish = |run: &str, token: &str| {
        let args =
            ["publish", "--url", &server.url, "--tenant", "acme", "--token", token, "--retry-for", "1s"];
        run_with(folder, &args, &events(run, 1, true))
    };
    assert_eq!(publish("wf-1", token).status.code(), Some(0));
    assert_eq!(publish("wf-2", "nonsense").status.code(), Some(1));
    let listed = stdout(&run(folder, &["keys", "list", "--keys", "keys.json"]));
    assert!(listed.contains(id) && listed.contains("acme") && !listed.contains(token), "{listed}");
    let rotated = run(folder, &["keys", "rotate", id, "--keys", "keys.json", "--grace", "0s"]);
    let rotated = stdout(&rotated).trim().to_owned();
    let begun = std::time::Instant::now();
    while publish("wf-3", &rotated).status.code() != Some(0) {
        assert!(begun.elapsed() < PATIENCE, "the server reads its file again");
    }
    assert_eq!(publish("wf-4", token).status.code(), Some(1), "the old secret is over");
    assert_eq!(run(folder, &["keys", "revoke", id, "--keys", "keys.json"]).status.code(), Some(0));
    while publish("wf-5", &rotated).status.code() != Some(1) {
        assert!(begun.elapsed() < PATIENCE * 2, "the server reads its file again");
    }
}
