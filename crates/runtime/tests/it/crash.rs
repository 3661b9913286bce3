//! A process that is killed in each step of a graph, and another that goes on.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use headwater_broker::{Broker, BrokerConfig, EventBroker};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_runtime::{App, GraphBuilder, NodeContext, NodeError, Reducer, START, State, Update};
use serde_json::json;

use crate::support::{assert_sound, config, events, run_name};

/// Where the child works, and where it is killed: `<node>:<moment>`.
const FOLDER: &str = "HEADWATER_TEST_CRASH_FOLDER";
const KILL_AT: &str = "HEADWATER_TEST_CRASH_AT";
const NODES: [&str; 5] = ["a", "left", "right", "join", "last"];

async fn broker(folder: &Path) -> Arc<dyn EventBroker> {
    let store = EmbeddedStore::open(folder.join("log"), EmbeddedOptions::default()).await.unwrap();
    Arc::new(Broker::open(Arc::new(store), BrokerConfig::default()).await.unwrap())
}

/// a, then left and right at once, join, last. Each has one effect, done once under its key, and notes that it was asked.
fn graph(folder: &Path, kill_at: Option<&str>) -> GraphBuilder {
    let mut graph = GraphBuilder::new("crash").reducer("ran", Reducer::Append);
    for name in NODES {
        let (folder, kill_at) = (folder.to_owned(), kill_at.map(ToOwned::to_owned));
        graph = graph.node(name, move |ctx: NodeContext| {
            let (folder, kill_at) = (folder.clone(), kill_at.clone());
            async move { work(&ctx, &folder, kill_at.as_deref()).await }
        });
    }
    graph
        .edge(START, "a")
        .edge("a", "left")
        .edge("a", "right")
        .join(["left", "right"], "join")
        .edge("join", "last")
}

async fn work(ctx: &NodeContext, folder: &Path, kill_at: Option<&str>) -> Result<Update, NodeError> {
    ctx.message("begins").await;
    die(kill_at, &format!("{}:before", ctx.node())).await;
    note(&folder.join("asked"), &ctx.key());
    let effect = folder.join("effects").join(ctx.key().replace('/', "_"));
    match OpenOptions::new().write(true).create_new(true).open(effect) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    ctx.message("has done it").await;
    die(kill_at, &format!("{}:after", ctx.node())).await;
    Ok(Update::new().set("ran", ctx.node()))
}

fn note(file: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// Kills this process, as nothing else would: at once and without a word.
async fn die(kill_at: Option<&str>, here: &str) {
    if kill_at == Some(here) {
        Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status().unwrap();
        std::future::pending::<()>().await;
    }
}

/// The effects that were done, each of which is one file: no kill comes between doing it and noting it.
fn done(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder.join("effects")).unwrap();
    let mut done: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    done.sort();
    done
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}

async fn app(folder: &Path, kill_at: Option<&str>) -> App {
    graph(folder, kill_at).with_runtime_config(config(broker(folder).await)).unwrap()
}

/// The whole graph in one process: the child of the test below, which is killed in it, and a test that it works.
#[tokio::test]
async fn the_graph_runs_to_its_end() {
    let own = tempfile::tempdir().unwrap();
    let folder = std::env::var_os(FOLDER).map_or_else(|| own.path().to_owned(), PathBuf::from);
    fs::create_dir_all(folder.join("effects")).unwrap();
    let app = app(&folder, std::env::var(KILL_AT).ok().as_deref()).await;
    let outcome = app.start(Some(run_name("run")), State::new()).await.unwrap().join().await.unwrap();
    assert_eq!(outcome.state.to_value(), json!({ "ran": NODES }));
    assert_eq!(done(&folder).len(), NODES.len());
}

#[tokio::test]
async fn a_process_that_is_killed_in_any_step_loses_nothing_and_does_nothing_twice() {
    for node in NODES {
        for moment in ["before", "after"] {
            let place = format!("{node}:{moment}");
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "crash::the_graph_runs_to_its_end"])
                .env(FOLDER, folder)
                .env(KILL_AT, &place)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert!(!child.success(), "{place}: it was to be killed");
            let app = app(folder, None).await;
            let run = run_name("run");
            let outcome = app.resume(&run).await.unwrap().join().await.unwrap();
            assert_eq!(outcome.state.to_value(), json!({ "ran": NODES }), "{place}");
            let done = done(folder);
            let mut keys: Vec<String> = NODES.iter().map(|node| format!("run_{node}_1")).collect();
            keys.sort();
            assert_eq!(done, keys, "{place}: each effect once, none missing");
            let asked = lines(&folder.join("asked"));
            let again = asked.len() - done.len();
            let most = if ["left", "right"].contains(&node) { 2 } else { 1 };
            assert!(again <= most, "{place}: only those of the lost step were asked again: {asked:?}");
            let events = events(&app, &run).await;
            assert_sound(&events);
            app.config().broker.as_ref().unwrap().close().await.unwrap();
        }
    }
}
