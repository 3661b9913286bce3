//! `headwater mirror`, killed and stopped anywhere.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Stdio},
    time::Instant,
};

use serde_json::Value;

use crate::support::{PATIENCE, Server, events, headwater, run, run_with, stderr, stdout};

const RUNS: usize = 30;

/// Publishes runs `wf-0` to `wf-29`, each with so many notes.
fn fill(folder: &Path, url: &str, notes: usize) {
    let all: String = (0..RUNS).map(|n| events(&format!("wf-{n}"), notes, false)).collect();
    let done = run_with(folder, &["publish", "--url", url], &all);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
}

/// Starts a mirror that prints JSON.
fn start(folder: &Path, args: &[&str]) -> Child {
    let mut command = headwater(folder);
    command.args(["mirror", "--json"]).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn exported(folder: &Path, url: &str, run_name: &str) -> String {
    let export = run(folder, &["export", run_name, "--url", url]);
    assert_eq!(export.status.code(), Some(0), "{run_name}: {}", stderr(&export));
    stdout(&export)
}

fn sum(lines: &str, member: &str) -> u64 {
    let values = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.map(|line| line[member].as_u64().unwrap()).sum()
}

#[test]
fn killed_again_and_again_it_goes_on_and_copies_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    fill(folder, &server.url, 40);
    let args = [&server.url, "embedded:./copy", "--batch", "5", "--side-by-side", "2"];
    for lines in 1..6 {
        let mut mirror = start(folder, &args);
        let told = BufReader::new(mirror.stdout.take().unwrap()).lines().take(lines).count();
        mirror.kill().unwrap();
        mirror.wait().unwrap();
        assert_eq!(told, lines);
    }
    let rest = run(folder, &[&["mirror", "--json"], args.as_slice()].concat());
    assert_eq!(rest.status.code(), Some(0), "{}", stderr(&rest));
    assert!(sum(&stdout(&rest), "stored") < (RUNS * 42) as u64, "it went on: {}", stderr(&rest));
    let again = run(folder, &[&["mirror", "--json"], args.as_slice()].concat());
    assert_eq!((stdout(&again).as_str(), again.status.code()), ("", Some(0)), "{}", stderr(&again));
    assert!(stderr(&again).contains("0 events copied"), "{}", stderr(&again));
    for n in 0..RUNS {
        let name = format!("wf-{n}");
        assert!(exported(folder, &server.url, &name) == exported(folder, "embedded:./copy", &name), "{name}");
    }
}

#[test]
fn a_target_that_is_killed_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    std::fs::create_dir(&to).unwrap();
    fill(&from, "embedded:./data", 40);
    let server = Server::start(&to, &[]);
    let (url, address) = (server.url.clone(), server.url.replace("http://", ""));
    let mut mirror = start(&from, &["embedded:./data", &url, "--batch", "5", "--side-by-side", "2"]);
    let mut out = BufReader::new(mirror.stdout.take().unwrap());
    let mut told = String::new();
    for _ in 0..3 {
        out.read_line(&mut told).unwrap();
    }
    server.kill();
    let server = Server::start(&to, &["--listen", &address]);
    out.read_to_string(&mut told).unwrap();
    let output = mirror.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(told.lines().count(), RUNS);
    for n in 0..RUNS {
        let name = format!("wf-{n}");
        assert!(exported(&from, "embedded:./data", &name) == exported(&to, &server.url, &name), "{name}");
    }
}

#[test]
fn what_the_source_has_lost_ends_it_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &["--policy", "strict"]);
    let run_of = |notes| events("wf-1", notes, false);
    assert_eq!(run_with(folder, &["publish", "--url", "embedded:./from"], &run_of(3)).status.code(), Some(0));
    let mirror = run(folder, &["mirror", "embedded:./from", &server.url]);
    let said = stderr(&mirror);
    assert_eq!(mirror.status.code(), Some(1), "{said}");
    assert!(said.contains("refused: wf-1, event wf-1-1: ") && said.contains(", 3 refused"), "{said}");
    assert!(mirror.stdout.is_empty());
}

#[cfg(unix)]
#[test]
fn it_follows_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let publish = |run_name: &str| {
        let done = run_with(folder, &["publish", "--url", &server.url], &events(run_name, 3, false));
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    };
    publish("wf-0");
    let mut mirror = start(folder, &[&server.url, "embedded:./copy", "--follow"]);
    let mut out = BufReader::new(mirror.stdout.take().unwrap());
    let (begin, mut copied) = (Instant::now(), 0);
    let mut until = |count: u64| {
        while copied < count {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            copied += sum(&line, "stored");
            assert!(begin.elapsed() < PATIENCE);
        }
    };
    until(5);
    publish("wf-1");
    until(10);
    let pid = mirror.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let output = mirror.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("10 events copied"), "{}", stderr(&output));
    assert!(exported(folder, &server.url, "wf-1") == exported(folder, "embedded:./copy", "wf-1"));
}

#[test]
fn what_cannot_be_mirrored_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (args, code, words) in [
        (&["memory:", "nowhere"][..], 64, "`nowhere` is no broker"),
        (&["memory:", "http://127.0.0.1:9", "--internal"], 64, "not over HTTP"),
        (&["memory:", "memory:", "--name", "a/b"], 64, "a mirror's name"),
        (&["memory:"], 2, "required"),
        (&["http://127.0.0.1:9", "memory:", "--retry-for", "0s"], 1, "cannot be reached"),
    ] {
        let output = run(folder, &[&["mirror"], args].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}
