//! The deployment agent: makes the policy live and proves it.

use headwater::{
    EventType as _,
    catalogue::{DeploymentConfirmed, DeploymentStarted, TestingCompleted},
};
use serde_json::json;

use crate::demo::{
    Task,
    agent::{Agent, Ears, Setting},
    model::Lines,
    task,
};

const ANNOUNCE: Lines = Lines {
    model: "writer-2",
    reasoning: "",
    text: "The public API now lets each client make 120 requests at once and 50 a second after that. Nobody who \
           behaves will notice.",
};

pub(super) async fn join(setting: &Setting) -> anyhow::Result<Task> {
    let agent = setting.agent("deployment")?;
    let ears = agent.listen("testing.completed").await?;
    Ok(task(live(agent, ears)))
}

async fn live(mut agent: Agent, mut ears: Ears) -> anyhow::Result<()> {
    ears.wait_for(TestingCompleted::TYPE).await?;
    agent.emit("deployment", DeploymentStarted::new().agent(agent.name).target("live")).await?;
    agent.call("deployment/deploy", "deploy", json!({ "file": "policy.json" })).await?;
    let probe = agent.call("deployment/probe", "probe", json!({ "file": "live/policy.json" })).await?;
    agent.think("deployment/announce", ANNOUNCE).await?;
    let confirmed = DeploymentConfirmed::new().agent(agent.name).target("live").output(probe);
    agent.emit("deployment", confirmed).await
}
