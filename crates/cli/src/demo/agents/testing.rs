//! The testing agent: plays load against the policy.

use headwater::{
    EventType as _,
    catalogue::{AuditCompleted, TestingCompleted, TestingStarted},
};
use serde_json::json;

use crate::demo::{
    Task,
    agent::{Agent, Ears, Setting},
    model::Lines,
    task,
};

const REASON: Lines = Lines {
    model: "tester-1",
    reasoning: "",
    text: "Two loads tell the story: an ordinary client at 40 a second for a minute, who must not notice anything, \
           and a flood of 500 a second, of which little more than the rate may pass.",
};

pub(super) async fn join(setting: &Setting) -> anyhow::Result<Task> {
    let agent = setting.agent("testing")?;
    let ears = agent.listen("audit.completed").await?;
    Ok(task(live(agent, ears)))
}

async fn live(mut agent: Agent, mut ears: Ears) -> anyhow::Result<()> {
    ears.wait_for(AuditCompleted::TYPE).await?;
    agent.emit("testing", TestingStarted::new().agent(agent.name)).await?;
    agent.think("testing/choose", REASON).await?;
    let ordinary = json!({ "per_second": 40, "seconds": 60 });
    let ordinary = agent.call("testing/ordinary", "simulate", ordinary).await?;
    anyhow::ensure!(ordinary["held"] == 0, "testing: an ordinary client was held back: {ordinary}");
    let flood = agent.call("testing/flood", "simulate", json!({ "per_second": 500, "seconds": 10 })).await?;
    anyhow::ensure!(flood["passed"].as_u64() < Some(700), "testing: the flood passed: {flood}");
    let output = json!({ "loads": 2, "flood_held": flood["held"] });
    agent.emit("testing", TestingCompleted::new().agent(agent.name).output(output)).await
}
