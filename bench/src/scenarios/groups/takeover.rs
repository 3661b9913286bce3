//! How long events wait whose worker was killed.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    Setup, data,
    http::{Connection, request},
    target::Target,
};

/// The group's lease.
pub(super) const LEASE_MS: u64 = 2000;
const RUNS: usize = 128;
const PATIENCE: Duration = Duration::from_secs(30);

/// Two workers share a group; one is killed; an event is published to each of many runs. Gives the seconds until the
/// other one has handled the last of them.
pub(super) async fn measure(setup: &Setup) -> Result<f64> {
    let server = Target::Headwater.start(setup).await?;
    let mut connection = Connection::open(server.address).await?;
    let config = format!("{{\"lease_ms\":{LEASE_MS}}}");
    let json = [("content-type", "application/json")];
    connection.succeed(&request("PUT", "/v1/groups/takeover", &json, config.as_bytes())).await?;
    let folder = tempfile::Builder::new().prefix("headwater-bench-").tempdir()?;
    let paths = ["one", "two"].map(|name| folder.path().join(name));
    let url = format!("http://{}", server.address);
    let mut workers = Vec::new();
    for path in &paths {
        workers.push(Worker(start(setup, &url, path)?));
    }
    let all = |n| -> Result<Vec<u8>> {
        let events: Vec<_> = (0..RUNS)
            .map(|run| data::of_300_bytes(&format!("run-{run}"), n, 1))
            .collect::<Result<Vec<_>>>()?;
        let events: Vec<_> = events.iter().flatten().map(|event| event.json().to_vec()).collect();
        Ok([b"[".to_vec(), events.join(&b","[..]), b"]".to_vec()].concat())
    };
    let lines = |path: &Path| fs::read_to_string(path).map_or(0, |text| text.lines().count());
    // Both are at work, each on its share.
    let (mut n, begin) = (0, Instant::now());
    loop {
        connection.succeed(&Target::Headwater.publish_batch("", &all(n)?)).await?;
        n += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let shares = paths.each_ref().map(|path| lines(path));
        if shares.iter().all(|share| *share > 0) && shares.iter().sum::<usize>() as u64 == n * RUNS as u64 {
            break;
        }
        ensure!(begin.elapsed() < PATIENCE, "the work is not shared: {shares:?}");
    }
    let before = lines(&paths[1]);
    drop(workers.remove(0));
    let begin = Instant::now();
    connection.succeed(&Target::Headwater.publish_batch("", &all(n)?)).await?;
    while lines(&paths[1]) < before + RUNS {
        ensure!(begin.elapsed() < PATIENCE, "nobody took over");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(begin.elapsed().as_secs_f64())
}

fn start(setup: &Setup, url: &str, out: &Path) -> Result<Child> {
    let mut command = Command::new(&setup.server);
    command.args(["worker", "logs", "--broker", url, "--tenant", "default", "--group", "takeover"]);
    Ok(command.stdin(Stdio::null()).stdout(File::create(out)?).stderr(Stdio::null()).spawn()?)
}

/// A worker's process, killed without a word when dropped.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
