//! The demo: five agents work on a run, and a screen shows it, through one server.
//!
//! Everything but the words of the models is real: the agents are tasks that publish over HTTP, learn over SSE what
//! concerns them, and use tools that do something; the screen reads its own SSE stream and is cut off in the middle.
//!
//! ```text
//!  coordinator ──a2a.request──► generation ──generation.completed──► audit ──audit.completed──► testing ──► deployment
//!                                    ▲                                 │
//!                                    └──────────a2a.request────────────┘     every arrow goes through the server
//! ```

mod agent;
mod agents;
mod check;
mod frame;
mod model;
mod pace;
mod policy;
mod reader;
mod screen;
mod sent;
mod summary;
mod tools;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use headwater::{HttpBroker, HttpOptions, Server, StreamName, Tenant};
use tokio::task::JoinSet;

use crate::{
    commands::serve,
    exit,
    signals::{self, Signals},
};
use agent::{Agent, Setting};
use pace::Pace;
use screen::Screen;
use sent::Sent;

/// The longest the run may take at normal speed: something is wrong then.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the demo is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Serve on afterwards.
    pub(crate) keep: bool,
    /// How fast the agents work.
    pub(crate) speed: f64,
    /// Lines instead of a picture.
    pub(crate) plain: bool,
}

/// Runs the demo.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let log = folder.path().join("log");
    let broker = headwater::connect(&format!("embedded:{}", log.display())).await?;
    let server = headwater::serve(broker.clone(), "127.0.0.1:0").await?;
    let work = folder.path().join("work");
    std::fs::create_dir_all(&work)?;
    let setting = Setting {
        url: server.url(),
        run: run_name()?,
        work,
        pace: Pace::new(options.speed),
        sent: Arc::new(Sent::default()),
    };

    let accepted = tokio::select! {
        accepted = play(&setting, options) => accepted?,
        () = signals.next() => {
            eprintln!("\nheadwater: stopped");
            return Ok(ExitCode::from(exit::FAILED));
        }
    };
    if options.keep {
        summary::try_it(&setting);
        serve::until_stopped(server, &mut signals).await?;
    } else {
        stop(server, &mut signals).await?;
    }
    broker.close().await?;
    Ok(if accepted { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

/// Starts screen and agents, waits for the end of the run, and says whether everything was as it must be.
async fn play(setting: &Setting, options: Options) -> anyhow::Result<bool> {
    // Subscribe, then act: every agent listens before the first one speaks.
    let agents = agents::assemble(setting).await?;
    let reader = reader::Reader::open(setting).await?;
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for task in agents {
        tasks.spawn(task);
    }
    let screen = Screen::new(options.plain, setting);
    let shown = tokio::time::timeout(PATIENCE.div_f64(options.speed.min(1.0)), async {
        tokio::select! {
            shown = screen.show(reader) => shown,
            failed = first_failure(&mut tasks) => Err(failed),
        }
    });
    let shown = shown.await.context("the run did not end")?;
    let shown = shown?;
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let verdict = check::verdict(setting, &shown).await?;
    summary::print(setting, &shown, &verdict)?;
    Ok(verdict.is_good())
}

/// Waits until an agent fails; agents that are done do not matter.
async fn first_failure(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Error {
    loop {
        match tasks.join_next().await {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => return error,
            Some(Err(error)) => return error.into(),
            None => std::future::pending().await,
        }
    }
}

async fn stop(server: Server, signals: &mut Signals) -> anyhow::Result<()> {
    tokio::select! {
        stopped = server.shutdown() => Ok(stopped?),
        () = signals.next() => signals::die(),
    }
}

fn run_name() -> anyhow::Result<StreamName> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    Ok(format!("run-{}", &id[id.len() - 6..]).parse()?)
}

/// A client of the demo's server: each has connections of its own, as a process elsewhere would.
fn client(url: &str) -> Result<HttpBroker, headwater::Error> {
    HttpBroker::connect(url, HttpOptions::default().tenant(Tenant::default()))
}

/// An agent's whole life.
type Task = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// Makes an agent's life a task.
fn task(life: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> Task {
    Box::pin(life)
}

impl Setting {
    /// An agent of this run.
    fn agent(&self, name: &'static str) -> anyhow::Result<Agent> {
        Agent::new(name, self)
    }
}
