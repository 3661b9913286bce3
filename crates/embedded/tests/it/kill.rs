//! The end of the process in the middle of everything.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use crate::common::{all, delta, durable};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore, verify};
use headwater_store::{ClassesKey, EventLog, ReadScope, Tenant};

const PUBLISHERS: usize = 6;
/// Where the child finds its folder and its round; without it the child's test has nothing to do.
const FOLDER: &str = "HEADWATER_TEST_FOLDER";
const ROUND: &str = "HEADWATER_TEST_ROUND";

/// Not a test of its own: [`killing_loses_nothing_that_was_answered`] runs it as another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_appends_until_it_is_killed() {
    let (Ok(folder), Ok(round)) = (std::env::var(FOLDER), std::env::var(ROUND)) else {
        return;
    };
    let round: usize = round.parse().unwrap();
    let store = Arc::new(EmbeddedStore::open(&folder, EmbeddedOptions::default()).await.unwrap());
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let name = format!("run-{publisher}");
                for n in 0.. {
                    let n = round * 1_000_000 + 10 * n;
                    let batch = vec![durable(&name, n), delta(&name, n + 1), durable(&name, n + 2)];
                    for (i, answer) in store.append(batch).await.unwrap().iter().enumerate() {
                        let line = format!("answered {name}/{} {}\n", n + i, answer.position);
                        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                    }
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
}

/// Runs the child until it has answered `count` events, and kills it.
fn killed_after(folder: &Path, round: usize, count: usize) -> Vec<(String, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_appends_until_it_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut answered = Vec::new();
    let mut line = String::new();
    let mut killed = false;
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            break;
        }
        // The last line may have been cut.
        if let Some((id, position)) =
            line.strip_suffix('\n').and_then(|l| l.strip_prefix("answered ")).and_then(|l| l.split_once(' '))
        {
            answered.push((id.to_owned(), position.parse().unwrap()));
        }
        if answered.len() >= count && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(!child.wait().unwrap().success());
    answered
}

#[tokio::test]
async fn killing_loses_nothing_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered: HashMap<String, u64> = HashMap::new();
    for round in 0..6 {
        let folder = dir.path().to_owned();
        let new = tokio::task::spawn_blocking(move || killed_after(&folder, round, 40 + 170 * round))
            .await
            .unwrap();
        assert!(new.len() >= 40);
        answered.extend(new);
        let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await.unwrap();
        let mut stored = HashMap::new();
        let mut positions = Vec::new();
        for publisher in 0..PUBLISHERS {
            let name = format!("run-{publisher}").parse().unwrap();
            let scope = ReadScope::Stream(Tenant::default(), name, ClassesKey::All);
            for record in all(&store, &scope).await {
                positions.push(record.position().0);
                let before = stored.insert(record.event().id().to_owned(), record.position().0);
                assert_eq!(before, None, "stored twice");
            }
        }
        positions.sort_unstable();
        let tail = store.tail().await.unwrap().0;
        assert_eq!(positions, (1..=tail).collect::<Vec<_>>(), "positions are dense");
        for (id, position) in &answered {
            assert_eq!(stored.get(id), Some(position), "{id} was answered");
        }
        drop(store);
        let report = verify(dir.path()).unwrap();
        assert!(report.is_sound() && report.lost.is_empty(), "{report:?}");
        assert_eq!(report.durable + report.transient, tail);
    }
}
