//! The demo: five agents work on a run, as a graph, and a screen shows it, through one server.
//!
//! Everything but the words of the models is real, and with `--model` those too: the agents are nodes of a graph, with tools
//! that do something; the screen reads its own SSE stream and is cut off in the middle.

mod agents;
mod check;
mod frame;
mod pace;
mod policy;
mod reader;
mod screen;
mod script;
mod setting;
mod summary;
mod tools;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use headwater::{
    App, EventBroker, HttpBroker, HttpOptions, RuntimeConfig, Server, State, StreamName, Tenant,
    chat::Endpoint,
};

use crate::{
    commands::serve,
    exit,
    signals::{self, Signals},
};
use pace::Pace;
use screen::Screen;
use setting::Setting;

/// The longest the run may take at normal speed: something is wrong then.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the demo is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Serve on afterwards.
    pub(crate) keep: bool,
    /// How fast the agents work.
    pub(crate) speed: f64,
    /// Lines instead of a picture.
    pub(crate) plain: bool,
    /// A real model; else the answers stand in a script.
    pub(crate) model: Option<Endpoint>,
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
        model: options.model.clone(),
    };

    let accepted = tokio::select! {
        accepted = play(&setting, &options, &broker) => accepted?,
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
async fn play(setting: &Setting, options: &Options, broker: &Arc<dyn EventBroker>) -> anyhow::Result<bool> {
    let config = RuntimeConfig::silent().with_broker(Arc::clone(broker));
    let app: App = agents::graph(setting).with_runtime_config(config)?;
    // Subscribe, then act.
    let reader = reader::Reader::open(setting).await?;
    let input = State::new().with("door", "public-api").with("clients", 4000);
    let mut run = app.start(Some(setting.run.clone()), input).await?;
    let screen = Screen::new(options.plain, setting);
    let patience = match &setting.model {
        Some(_) => script::REAL_MODEL,
        None => PATIENCE.div_f64(options.speed.min(1.0)),
    };
    let shown =
        tokio::time::timeout(patience, screen.show(reader)).await.context("the run did not end")??;
    // The screen has seen the end: that of the run is a matter of moments.
    let outcome = run.join().await;
    app.close().await?;
    let verdict = check::verdict(setting, &shown).await?;
    summary::print(setting, &shown, &verdict)?;
    if let Err(error) = &outcome {
        eprintln!("\nheadwater: {error}");
    }
    Ok(outcome.is_ok() && verdict.is_good())
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
