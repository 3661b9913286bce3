//! The stock workers, as processes beside a server that comes and goes.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, Server, events, headwater, run, run_with, stderr, stdout};

/// A worker's process, killed when dropped. What it says goes to files in the folder.
struct Worker(Child);

impl Worker {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let file = |name: &str| File::options().create(true).append(true).open(folder.join(name)).unwrap();
        let mut command = headwater(folder);
        command.arg("worker").args(args).stdin(Stdio::null());
        Self(command.stdout(file("out")).stderr(file("err")).spawn().unwrap())
    }

    /// SIGTERM, and the exit code that follows.
    fn terminate(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a file says enough.
fn until(path: &Path, enough: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if enough(&text) {
            return text;
        }
        assert!(start.elapsed() < PATIENCE, "{} says only: {text}", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn publish(folder: &Path, url: &str, text: &str) {
    let output = run_with(folder, &["publish", "--url", url], text);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn the_logs_worker_writes_every_event_once_and_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let url = server.url.clone();
    publish(folder, &url, &events("wf-1", 3, false));
    let audit = ["--audit-file", "audit.jsonl"];
    let worker = Worker::start(folder, &[&["logs", "--broker", &url, "--lease", "2s"], &audit[..]].concat());
    until(&folder.join("out"), |text| text.lines().count() == 5);
    server.kill();
    let address = url.trim_start_matches("http://").to_owned();
    let server = Server::start(folder, &["--listen", &address]);
    publish(folder, &server.url, &events("wf-2", 3, false));
    let lines = until(&folder.join("out"), |text| text.lines().count() >= 10);
    let line: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (line["type"].as_str(), line["level"].as_str()),
        (Some("workflow.started.v1"), Some("info")),
        "{line}"
    );
    let task = lines.lines().find(|line| line.contains("wf-1-2")).unwrap();
    let task: serde_json::Value = serde_json::from_str(task).unwrap();
    assert_eq!((task["task"].as_str(), task["tenant"].as_str()), (Some("2"), Some("default")), "{task}");
    let kept = fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), lines.lines().count(), "{kept}");
    for line in kept.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["specversion"], "1.0");
    }
    assert_eq!(worker.terminate(), Some(0));
    let groups = run(folder, &["groups", "--url", &server.url, "--all-tenants", "--json"]);
    let group: serde_json::Value = serde_json::from_str(stdout(&groups).trim()).unwrap();
    assert_eq!(
        (group["group"].as_str(), group["lag_events"].as_u64()),
        (Some("log_aggregators"), Some(0)),
        "{group}"
    );
    assert_eq!(group["workers"].as_array().map(Vec::len), Some(0), "who stops leaves its group: {group}");
}

#[test]
fn the_metrics_worker_counts_and_measures() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    publish(folder, &server.url, &events("wf-1", 2, false));
    let args = ["metrics", "--broker", &server.url, "--metrics-listen", "127.0.0.1:0"];
    let worker = Worker::start(folder, &args);
    let said = until(&folder.join("err"), |text| text.contains("/metrics\n"));
    let address = said.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let get = |path: &str| {
        let mut socket = TcpStream::connect(address).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    };
    let start = Instant::now();
    let ended = r#"headwater_parts_ended_total{tenant="default",kind="workflow",outcome="completed"} 1"#;
    let text = loop {
        let text = get("/metrics");
        if text.contains(ended) {
            break text;
        }
        assert!(start.elapsed() < PATIENCE, "{text}");
        std::thread::sleep(Duration::from_millis(20));
    };
    for wanted in [
        r#"headwater_events_total{tenant="default",type="my.note"} 2"#,
        r#"headwater_part_duration_seconds_count{tenant="default",kind="workflow",outcome="completed"} 1"#,
        r#"headwater_worker_events_total{group="metrics_collectors",outcome="ok"}"#,
    ] {
        assert!(text.contains(wanted), "no {wanted} in {text}");
    }
    assert!(get("/readyz").starts_with("HTTP/1.1 200"), "{}", get("/readyz"));
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_worker_that_is_not_built_in_says_which_feature_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["worker", "temporal"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("feature `temporal`"), "{}", stderr(&output));
}

#[test]
fn an_audit_file_that_cannot_be_written_is_bad_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let args =
        ["worker", "logs", "--broker", "http://127.0.0.1:1", "--audit-file", "no/such/folder/audit.jsonl"];
    let output = run(folder.path(), &args);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("audit-file no/such/folder/audit.jsonl"), "{}", stderr(&output));
}
