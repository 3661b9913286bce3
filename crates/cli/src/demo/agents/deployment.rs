//! The deployment agent: makes the policy live and proves it.

use headwater::{
    NodeContext, NodeError, Update,
    catalogue::{DeploymentConfirmed, DeploymentStarted},
};
use serde_json::json;

use super::{Crew, Scene, failed, progress};
use crate::demo::script::Lines;

const NAME: &str = "deployment";

pub(super) async fn run(ctx: &NodeContext, crew: &Crew) -> Result<Update, NodeError> {
    ctx.emit(&DeploymentStarted::new().agent(NAME).target("live")).await;
    let call = |part, tool| Lines { calls: vec![(part, tool, json!({}))], ..Lines::default() };
    let announce = Lines {
        text: "The public API now lets each client make 120 requests at once and 50 a second after that. Nobody who \
               behaves will notice.",
        ..Lines::default()
    };
    let scene = Scene {
        part: "announce",
        model: "writer-2",
        ask: "You are deployment. Deploy the policy, probe it, and then announce it.".into(),
        answers: vec![call("deploy", "deploy"), call("probe", "probe"), announce],
    };
    crew.chat(ctx, scene, vec![crew.tools.deploy(), crew.tools.probe()]).await?;
    let live = crew.tools.live().map_err(|error| failed(NAME, &error))?;
    if Some(&live) != crew.tools.policy().ok().as_ref() {
        return Err(NodeError::fatal("deployment: what is live is not what was tested"));
    }
    let output = json!({ "live": live.name, "as_tested": true });
    ctx.emit(&DeploymentConfirmed::new().agent(NAME).target("live").output(output)).await;
    progress(ctx, 100.0, "live").await;
    Ok(Update::new().set("live", live.name))
}
