//! Into plain Redis streams, read by `redis-cli` and its consumer groups.

use std::{collections::HashMap, process::Command};

use headwater::{
    ConnectOptions, Event, EventPublisher as _, MemoryOptions, dialect,
    mirror::{End, MirrorError, MirrorOptions, Target},
};
use headwater_test_servers::{Redis, RedisOptions, aside, need};

use crate::support::{broker, fill, name, small, stored};

/// What `redis-cli` says, line by line.
fn cli(redis: &Redis, args: &[&str]) -> Vec<String> {
    let port = redis.address().port().to_string();
    let output = Command::new("redis-cli").args(["-p", &port]).args(args).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !said.starts_with("ERR"), "{args:?}: {said}");
    said.lines().map(str::to_owned).collect()
}

fn json(lines: &[String]) -> Vec<serde_json::Value> {
    lines
        .iter()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn open(url: &str) -> Target {
    Target::open_with(&format!("{url}?dialect=seed"), ConnectOptions::default()).await.unwrap()
}

#[tokio::test]
async fn plain_consumer_groups_read_what_the_mirror_writes() {
    let Some(redis) = need(aside(|| Redis::start(RedisOptions::default())).await) else { return };
    let from = broker(MemoryOptions::default()).await;
    for run in ["wf-1", "wf-2"] {
        for (n, ty) in
            ["workflow.started.v1", "workflow.progressed.v1", "workflow.completed.v1"].iter().enumerate()
        {
            let event =
                Event::builder("/agents/coordinator", *ty).id(format!("{run}-{n}")).stream(&name(run));
            let event =
                event.subject(run).data(&serde_json::json!({ "percentage": 10 * n })).build().unwrap();
            from.publish(&[event]).await.unwrap();
        }
    }
    for round in 0..2 {
        let report = headwater::mirror(from.clone().into(), open(&redis.url()).await, small()).await.unwrap();
        assert_eq!(report.stored, if round == 0 { 6 } else { 0 });
    }
    let mut keys = cli(&redis, &["KEYS", "events:*"]);
    keys.sort();
    assert_eq!(keys, ["events:workflow.completed", "events:workflow.progressed", "events:workflow.started"]);
    // Two workers of a group share the events; each is read once, acked, and gone from what is pending.
    let (key, group) = ("events:workflow.started", "websocket_workers");
    assert_eq!(cli(&redis, &["XGROUP", "CREATE", key, group, "0"]), ["OK"]);
    let mut ids = Vec::new();
    for worker in ["worker-1", "worker-2"] {
        let read = ["XREADGROUP", "GROUP", group, worker, "COUNT", "1", "STREAMS", key, ">"];
        let lines = cli(&redis, &read);
        assert_eq!(lines[2], "data", "one field: {lines:?}");
        let event = &json(&lines)[0];
        assert_eq!(
            (&event["type"], &event["source_agent"]),
            (&"workflow.started".into(), &"coordinator".into())
        );
        assert_eq!(event["workflow_id"], if worker == "worker-1" { "wf-1" } else { "wf-2" });
        // What was written is an envelope that Headwater itself takes.
        assert_eq!(dialect::accept(event.to_string()).unwrap().ty(), "workflow.started.v1");
        assert_eq!(cli(&redis, &["XACK", key, group, &lines[1]]), ["1"]);
        ids.push(event["id"].clone());
    }
    assert_eq!(ids, ["wf-1-0", "wf-2-0"]);
    assert_eq!(cli(&redis, &["XPENDING", key, group])[0], "0");
}

#[tokio::test]
async fn stopped_anywhere_and_with_the_server_killed_nothing_is_written_twice() {
    let Some(redis) = need(aside(|| Redis::start(RedisOptions::default())).await) else { return };
    let from = broker(MemoryOptions::default()).await;
    fill(&from, 4, 150).await;
    // The server is killed and comes back while the mirror runs.
    let server = redis.server().clone();
    let chaos = tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            let server = server.clone();
            aside(move || server.crash()).await.unwrap();
        }
    });
    // And the mirror is stopped now and then.
    let target = open(&redis.url()).await;
    let mut stored_now = 0;
    for pause in [5, 20, 60, 60_000] {
        let run = headwater::mirror(from.clone().into(), target.clone(), small());
        if let Ok(done) = tokio::time::timeout(std::time::Duration::from_millis(pause), run).await {
            stored_now += done.unwrap().stored;
        }
    }
    chaos.await.unwrap();
    let last = headwater::mirror(from.clone().into(), target, small()).await.unwrap();
    assert!(stored_now + last.stored <= 600);
    let mut read: HashMap<String, Vec<String>> = HashMap::new();
    for key in cli(&redis, &["KEYS", "events:*"]) {
        for event in json(&cli(&redis, &["XRANGE", &key, "-", "+"])) {
            let of = format!("{} {key}", event["workflow_id"].as_str().unwrap());
            read.entry(of).or_default().push(event["id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(read.values().map(Vec::len).sum::<usize>(), 600, "each once");
    for ids in read.values() {
        // A run's events of one type come in their order.
        let numbers: Vec<u32> =
            ids.iter().map(|id| id.rsplit('-').next().unwrap().parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "{ids:?}");
    }
    assert_eq!(stored(&from, "wf-0").await.len(), 150);
}

#[tokio::test]
async fn what_cannot_be_done_with_plain_streams_is_refused() {
    let Some(redis) = need(aside(|| Redis::start(RedisOptions::default())).await) else { return };
    let from = broker(MemoryOptions::default()).await;
    fill(&from, 1, 4).await;
    let options = MirrorOptions { restart: true, ..small() };
    let refused =
        headwater::mirror(from.clone().into(), open(&redis.url()).await, options).await.unwrap_err();
    assert!(matches!(refused, MirrorError::Options(_)), "{refused:?}");
    let url = format!("{}?dialect=seed", redis.url());
    assert!(End::open(&url).await.unwrap_err().to_string().contains("written and not read"));
    let other = Target::open_with(&format!("{}?dialect=x", redis.url()), ConnectOptions::default()).await;
    assert!(other.unwrap_err().is_config());
    // A key of somebody else under one of the names: nothing is written, and the error names it.
    cli(&redis, &["SET", "events:my.note", "x"]);
    let failed = headwater::mirror(from.into(), open(&redis.url()).await, small()).await.unwrap_err();
    let source = std::error::Error::source(&failed).unwrap().to_string();
    assert!(source.contains("events:my.note is no stream"), "{source}");
    assert_eq!(cli(&redis, &["EXISTS", "events:llm.delta"]), ["0"]);
}
