//! The shift: workers share a group's events while they and the gateway are killed again and again, and no work is lost.
//!
//! Every worker is a process and writes the id of an event to one file before it acks it: that line is the effect.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{Chance, Server, get, publish, put};

/// Who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crew {
    /// `headwater worker logs`.
    #[default]
    Ours,
    /// `e2e/clients/worker.py`: nothing but Python's standard library.
    Python,
}

/// How big a shift is.
#[derive(Debug, Clone, Default)]
pub struct Shift {
    /// How many runs are published.
    pub runs: usize,
    /// How many events each run has.
    pub events: usize,
    /// How often somebody is killed: a worker, or every third time about the gateway.
    pub kills: usize,
    /// Decides who and when.
    pub seed: u64,
    /// Who works.
    pub crew: Crew,
}

/// What happened.
#[derive(Debug, Clone)]
pub struct Report {
    /// Events that were handled.
    pub handled: usize,
    /// How many came to a worker again.
    pub again: usize,
    /// How long it took.
    pub took: Duration,
}

const GROUP: &str = "shift";
const WORKERS: usize = 3;
const LEASE_MS: u64 = 1000;
/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Works it.
///
/// # Errors
/// An event was not handled, or was handled before one that stands before it in its run; or the group does not come to
/// its end.
pub fn work(shift: &Shift) -> Result<Report> {
    let mut chance = Chance::new(shift.seed);
    let program = Server::program()?;
    let mut server = Server::new(&program, &mut chance, None)?;
    let desk = Desk::new(program, server.address(), shift.crew)?;
    act(shift, &mut chance, &mut server, &desk)
        .with_context(|| format!("the server said:\n{}\nthe workers said:\n{}", server.log(), desk.said()))
}

fn act(shift: &Shift, chance: &mut Chance, server: &mut Server, desk: &Desk) -> Result<Report> {
    let begin = Instant::now();
    server.start()?;
    let address = server.address();
    let group = json!({ "lease_ms": LEASE_MS, "max_attempts": 1000 }).to_string();
    let (status, body) = put(address, &format!("/v1/groups/{GROUP}"), &group)?;
    ensure!(status == 201, "{status} {body}");
    let mut workers = (0..WORKERS).map(|_| desk.worker()).collect::<Result<Vec<_>>>()?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let publishing = scope.spawn(|| publish_all(shift, address, &stop));
        let killed = kill(shift, chance, server, desk, &mut workers, begin);
        stop.store(killed.is_err(), Ordering::SeqCst);
        publishing.join().map_err(|_| anyhow::anyhow!("the publisher panicked"))??;
        killed
    })?;
    let total = shift.runs * shift.events;
    loop {
        let done = desk.effects().into_iter().collect::<BTreeSet<_>>().len();
        if done == total && is_over(address)? {
            break;
        }
        ensure!(
            begin.elapsed() < PATIENCE,
            "{done} of {total} events were handled; the group: {}",
            state(address)?
        );
        thread::sleep(Duration::from_millis(50));
    }
    let again = in_order(shift, &desk.effects())?;
    for worker in &mut workers {
        worker.fine()?;
    }
    Ok(Report { handled: total, again, took: begin.elapsed() })
}

/// Publishes run by run in turn, each event until it is answered.
fn publish_all(shift: &Shift, address: SocketAddr, stop: &AtomicBool) -> Result<()> {
    for n in 0..shift.events {
        for run in 0..shift.runs {
            let event = json!({
                "specversion": "1.0", "id": format!("run-{run}/{n}"), "source": "/shift", "type": "shift.step.v1",
                "subject": format!("run-{run}"), "data": { "n": n },
            });
            let begin = Instant::now();
            loop {
                match publish(address, &event.to_string()) {
                    Ok((200, _)) => break,
                    Ok((status, body)) if status < 500 => anyhow::bail!("{status} {body}"),
                    _ => thread::sleep(Duration::from_millis(20)),
                }
                ensure!(begin.elapsed() < PATIENCE, "{event} cannot be published");
                if stop.load(Ordering::SeqCst) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Kills somebody again and again.
fn kill(
    shift: &Shift,
    chance: &mut Chance,
    server: &mut Server,
    desk: &Desk,
    workers: &mut [Worker],
    begin: Instant,
) -> Result<()> {
    for _ in 0..shift.kills {
        thread::sleep(Duration::from_millis(20 + chance.below(200)));
        ensure!(begin.elapsed() < PATIENCE, "the kills take too long");
        if chance.below(3) == 0 {
            server.kill()?;
            thread::sleep(Duration::from_millis(chance.below(200)));
            server.start()?;
        } else {
            let at = usize::try_from(chance.below(workers.len() as u64))?;
            let victim = workers.get_mut(at).context("no worker")?;
            victim.fine()?;
            *victim = desk.worker()?;
        }
    }
    Ok(())
}

fn state(address: SocketAddr) -> Result<Value> {
    let (_, body) = get(address, &format!("/v1/groups/{GROUP}"))?;
    Ok(serde_json::from_str(&body)?)
}

/// Whether the group has nothing open and gave nothing up.
fn is_over(address: SocketAddr) -> Result<bool> {
    let state = state(address)?;
    ensure!(state["dead_letters"] == 0, "dead letters: {state}");
    Ok(state["lag_events"] == 0 && state["in_flight"] == 0)
}

/// Every event was handled, and for the first time behind those before it in its run. Gives how many came again.
fn in_order(shift: &Shift, effects: &[String]) -> Result<usize> {
    let mut next = BTreeMap::<&str, usize>::new();
    let (mut seen, mut again) = (BTreeSet::new(), 0);
    for id in effects {
        if !seen.insert(id) {
            again += 1;
            continue;
        }
        let (run, n) = id.split_once('/').with_context(|| format!("`{id}` was handled"))?;
        let at = next.entry(run).or_default();
        ensure!(n.parse::<usize>()? == *at, "{id} was handled before {run}/{at}");
        *at += 1;
    }
    ensure!(next.len() == shift.runs, "{} of {} runs were handled", next.len(), shift.runs);
    Ok(again)
}

/// Where workers are made, and where they write.
struct Desk {
    program: PathBuf,
    folder: tempfile::TempDir,
    url: String,
    crew: Crew,
}

impl Desk {
    fn new(program: PathBuf, address: SocketAddr, crew: Crew) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("headwater-shift-").tempdir()?;
        Ok(Self { program, folder, url: format!("http://{address}"), crew })
    }

    fn effects_file(&self) -> PathBuf {
        self.folder.path().join("effects.jsonl")
    }

    fn worker(&self) -> Result<Worker> {
        let append = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        let mut command = match self.crew {
            Crew::Ours => {
                let mut command = Command::new(&self.program);
                command
                    .args(["worker", "logs", "--broker", &self.url, "--tenant", "default", "--group", GROUP]);
                command
            }
            Crew::Python => {
                let mut command = Command::new("python3");
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/worker.py"));
                command.args([&self.url, GROUP]);
                command
            }
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(append(&self.effects_file())?)
            .stderr(append(&self.folder.path().join("workers.log"))?)
            .spawn()
            .with_context(|| format!("{command:?} does not start"))?;
        Ok(Worker(child))
    }

    /// The ids of what was handled, in order. A killed worker may leave half a line, behind which another one begins.
    fn effects(&self) -> Vec<String> {
        const ID: &str = "\"id\":\"";
        let text = fs::read_to_string(self.effects_file()).unwrap_or_default();
        let ids = text.split(ID).skip(1).filter_map(|rest| rest.split_once('"'));
        ids.map(|(id, _)| id.to_owned()).filter(|id| !id.contains('\n')).collect()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("workers.log")).unwrap_or_default()
    }
}

/// A worker's process. Dropping it kills it as a power cut would.
struct Worker(Child);

impl Worker {
    /// Whether it still works.
    fn fine(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("a worker ended by itself: {status}"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
