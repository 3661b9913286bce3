//! The story: runs are published and read while the server is killed again and again, and nobody misses anything.

use std::{
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Chance, Client, Clients, Server, get, ledger::Ledger};

/// How big a story is.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// How many runs are published side by side.
    pub runs: usize,
    /// How many events each run has.
    pub events: usize,
    /// How often the server is killed in between.
    pub kills: usize,
    /// Decides when it is killed and how long it stays away.
    pub seed: u64,
    /// The broker that the servers stand over; a log of the server's own if there is none.
    pub broker: Option<String>,
    /// A second server over the same broker: what is published at the one is read at the other, and each is killed in
    /// its turn.
    pub two: bool,
    /// The broker keeps a copy of what is sent again after its answer was lost: readers see each, in the place where it
    /// was stored.
    pub copies: bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub struct Report {
    /// Events answered with 200.
    pub answered: usize,
    /// Of those, how many had been stored before their answer was lost in a kill.
    pub stored_before: usize,
    /// How long it took.
    pub took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Publisher,
    /// One `EventSource` for each stream.
    Each,
    /// One `EventSource` for all streams.
    Together,
}

/// How long nothing may happen before the story counts as stuck.
const STUCK: Duration = Duration::from_secs(60);
/// How many lines of the clients may wait to be read.
const BACKLOG: usize = 4096;

/// Plays it.
///
/// # Errors
/// An event that was answered is missing, comes twice or out of order, a gap was told, or somebody gave up.
pub fn play(plan: &Plan) -> Result<Report> {
    play_with(plan, None)
}

/// What is done to the broker in the place of every second kill of a server.
pub type Disturb<'a> = &'a mut dyn FnMut() -> Result<()>;

/// Plays it, and disturbs the broker too.
///
/// # Errors
/// As [`play`], or the broker cannot be disturbed.
pub fn play_with(plan: &Plan, disturb: Option<Disturb<'_>>) -> Result<Report> {
    let mut chance = Chance::new(plan.seed);
    let program = Server::program()?;
    let count = if plan.two { 2 } else { 1 };
    let mut servers = (0..count)
        .map(|_| Server::new(&program, &mut chance, plan.broker.as_deref()))
        .collect::<Result<Vec<_>>>()?;
    act(plan, &mut chance, &mut servers, disturb).with_context(|| {
        let logs: Vec<String> = servers.iter().map(Server::log).collect();
        format!("the server said:\n{}", logs.join("\n\n"))
    })
}

fn act(
    plan: &Plan,
    chance: &mut Chance,
    servers: &mut [Server],
    mut disturb: Option<Disturb<'_>>,
) -> Result<Report> {
    let begin = Instant::now();
    let clients = Clients::find()?;
    servers.iter_mut().try_for_each(Server::start)?;
    let here = servers.first().context("no server")?.url();
    let there = servers.last().context("no server")?.url();

    let streams: Vec<String> = (0..plan.runs).map(|run| format!("run-{run}")).collect();
    let (lines, came) = sync_channel(BACKLOG);
    let start = |at: &String, script, args: Vec<String>, who| {
        let args = [vec![at.clone()], args].concat();
        clients.start(script, &args, who, lines.clone())
    };
    // Readers come first: a stream may be read before its first event.
    let mut readers = [
        start(&there, "reader.mjs", streams.clone(), Who::Each)?,
        start(&here, "reader.mjs", [vec!["--together".to_owned()], streams.clone()].concat(), Who::Together)?,
    ];
    let plan_args = vec!["run".to_owned(), plan.runs.to_string(), plan.events.to_string()];
    let mut publisher = start(&here, "publisher.mjs", plan_args, Who::Publisher)?;

    let mut book = Book::new(plan, kill_points(plan, chance));
    let mut last = Instant::now();
    while !book.done() {
        match came.recv_timeout(Duration::from_millis(200)) {
            Ok((who, line)) => {
                last = Instant::now();
                book.note(who, &line)?;
            }
            Err(_) => ensure!(last.elapsed() < STUCK, "nothing for {STUCK:?}: {}", book.state()),
        }
        publisher.fine()?;
        readers.iter_mut().try_for_each(Client::fine)?;
        if book.kill_is_due() {
            let left = book.kills.len();
            if let Some(disturb) = disturb.as_mut().filter(|_| left.is_multiple_of(2)) {
                disturb()?;
                continue;
            }
            let victim = if disturb.is_some() { left / 2 } else { left } % servers.len();
            let server = servers.get_mut(victim).context("no server")?;
            server.kill()?;
            thread::sleep(Duration::from_millis(chance.below(300)));
            server.start()?;
        }
    }
    book.verify()?;
    for server in servers {
        book.pages(server, &streams)?;
        server.kill()?;
        server.check()?;
    }
    Ok(Report { answered: book.answered.len(), stored_before: book.stored_before, took: begin.elapsed() })
}

/// After how many answers the server is killed: spread over the story, each place drawn.
fn kill_points(plan: &Plan, chance: &mut Chance) -> Vec<usize> {
    let total = plan.runs * plan.events;
    let part = total / (plan.kills + 1);
    let place = |kill: usize| part * kill + part / 4 + chance_usize(chance, part);
    let mut points: Vec<usize> = (0..plan.kills).map(place).map(|at| at.min(total - total / 20)).collect();
    points.sort_unstable();
    points.reverse();
    points
}

fn chance_usize(chance: &mut Chance, below: usize) -> usize {
    usize::try_from(chance.below(below as u64)).unwrap_or(0)
}

/// Who saw what.
struct Book {
    total: usize,
    runs: usize,
    answered: Ledger,
    stored_before: usize,
    each: Ledger,
    together: Ledger,
    closed: usize,
    kills: Vec<usize>,
    copies: bool,
}

impl Book {
    fn new(plan: &Plan, kills: Vec<usize>) -> Self {
        Self {
            total: plan.runs * plan.events,
            runs: plan.runs,
            answered: Ledger::default(),
            stored_before: 0,
            each: Ledger::default(),
            together: Ledger::default(),
            closed: 0,
            kills,
            copies: plan.copies,
        }
    }

    fn note(&mut self, who: Who, line: &Value) -> Result<()> {
        let stream = line["stream"].as_str().with_context(|| format!("{who:?} said {line}"))?;
        ensure!(line["gap"].is_null(), "{who:?}: gap in {stream}: {line}");
        if line["closed"] == true {
            self.closed += usize::from(who == Who::Each);
            return Ok(());
        }
        let id = line["id"].as_str().with_context(|| format!("{who:?} said {line}"))?;
        match who {
            Who::Publisher => {
                self.answered.add(stream, id);
                self.stored_before += usize::from(line["duplicate"] == true);
            }
            Who::Each => read(&mut self.each, stream, id, self.copies),
            Who::Together => read(&mut self.together, stream, id, self.copies),
        }
        Ok(())
    }

    /// Everything was answered, everything was read, and each single reader was told that there is no more.
    fn done(&self) -> bool {
        self.answered.len() >= self.total
            && self.each.len() >= self.total
            && self.together.len() >= self.total
            && self.closed == self.runs
    }

    fn kill_is_due(&mut self) -> bool {
        self.kills.pop_if(|at| self.answered.len() >= *at).is_some()
    }

    fn verify(&self) -> Result<()> {
        ensure!(self.kills.is_empty(), "{} kills did not happen", self.kills.len());
        ensure!(self.answered.len() == self.total, "{} of {} answered", self.answered.len(), self.total);
        self.answered.agrees(&self.each, "one EventSource for each stream")?;
        self.answered.agrees(&self.together, "one EventSource for all streams")
    }

    /// What the pages of history show is the same.
    fn pages(&self, server: &Server, streams: &[String]) -> Result<()> {
        let mut pages = Ledger::default();
        for stream in streams {
            let mut after = "earliest".to_owned();
            loop {
                let path = format!("/v1/streams/{stream}/events?limit=37&after={after}");
                let (status, body) = get(server.address(), &path)?;
                ensure!(status == 200, "{path}: {status} {body}");
                let page: Value = serde_json::from_str(&body)?;
                let events = page["events"].as_array().with_context(|| format!("no events in {body}"))?;
                for event in events {
                    read(&mut pages, stream, event["id"].as_str().unwrap_or_default(), self.copies);
                }
                if events.is_empty() {
                    ensure!(
                        page["end"] == true,
                        "{stream}: the last page does not say that the run has ended"
                    );
                    break;
                }
                page["next"].as_str().context("a page without `next`")?.clone_into(&mut after);
            }
        }
        self.answered.agrees(&pages, "pages of history")
    }

    fn state(&self) -> String {
        format!(
            "{} of {} answered, {} read one by one, {} read together, {} of {} streams closed",
            self.answered.len(),
            self.total,
            self.each.len(),
            self.together.len(),
            self.closed,
            self.runs,
        )
    }
}

fn read(ledger: &mut Ledger, stream: &str, id: &str, copies: bool) {
    if copies { ledger.add_first(stream, id) } else { ledger.add(stream, id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_spread_over_the_story() {
        for seed in 0..200 {
            let plan = Plan { runs: 20, events: 100, kills: 5, seed, ..Plan::default() };
            let points = kill_points(&plan, &mut Chance::new(seed));
            assert_eq!(points.len(), 5);
            assert!(points.iter().all(|at| (1..2000).contains(at)), "seed {seed}: {points:?}");
        }
    }
}
