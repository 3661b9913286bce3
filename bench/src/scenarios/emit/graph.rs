//! What a step of a graph costs beside the work of its node.

use std::time::Instant;

use anyhow::Result;
use headwater_runtime::{
    App, Checkpoints, END, GraphBuilder, NodeContext, RuntimeConfig, START, State, Update,
};

use super::memory;
use crate::{
    Setup,
    stats::Sample,
    table::{Row, Wanted},
};

const STEPS: u64 = 20_000;

pub(super) async fn run(setup: &Setup) -> Result<Vec<Row>> {
    let mut cost = Sample::default();
    for _ in 0..setup.runs {
        let app = app().await?;
        let begin = Instant::now();
        app.invoke(State::new()).await?;
        cost.push(begin.elapsed().as_secs_f64() * 1e6 / STEPS as f64);
        app.close().await?;
    }
    let what = "one step of a graph, events and all, without checkpoint";
    Ok(vec![Row::alone(what, "µs", cost, Wanted::AtMost(50.0))])
}

/// A graph that does nothing, so many times.
async fn app() -> Result<App> {
    let graph = GraphBuilder::new("nothing")
        .node("count", async |ctx: NodeContext| Ok(Update::new().set("n", ctx.visit())))
        .edge(START, "count")
        .conditional("count", ["count", END], |state: &State| {
            let n = state.get("n").and_then(serde_json::Value::as_u64);
            if n < Some(STEPS) { "count" } else { END }
        })
        .max_steps(STEPS);
    let config = RuntimeConfig::silent().with_broker(memory().await?).with_checkpoints(Checkpoints::Off);
    Ok(graph.with_runtime_config(config)?)
}
