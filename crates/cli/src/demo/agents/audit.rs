//! The audit agent: reads what was generated, and has repaired what it finds.

use headwater::{
    EventType as _,
    catalogue::{AuditCompleted, AuditStarted, GenerationCompleted},
};
use serde_json::json;

use crate::demo::{
    Task,
    agent::{Agent, Ears, Setting},
    model::Lines,
    task,
};

const READ: Lines = Lines {
    model: "auditor-1",
    reasoning: "Read it as an attacker: which client gets more than it should? And then as a customer: who gets \
                less?",
    text: "The rate is sound. The burst worries me. With a bucket of size 0 no token can ever be in it, so the very \
           first request of every client would be refused: this policy is an outage with a schedule. I will have \
           the linter confirm it and ask generation for a repair.",
};

pub(super) async fn join(setting: &Setting) -> anyhow::Result<Task> {
    let agent = setting.agent("audit")?;
    let ears = agent.listen("generation.completed, a2a.response").await?;
    Ok(task(live(agent, ears)))
}

async fn live(mut agent: Agent, mut ears: Ears) -> anyhow::Result<()> {
    ears.wait_for(GenerationCompleted::TYPE).await?;
    agent.emit("audit", AuditStarted::new().agent(agent.name)).await?;
    agent.think("audit/read", READ).await?;
    let found = agent.call("audit/lint", "lint_policy", json!({ "file": "policy.json" })).await?;
    let asked = agent.ask("audit/repair", "generation", "repair", found.clone()).await?;
    ears.response(&asked).await?;
    let left = agent.call("audit/lint-again", "lint_policy", json!({ "file": "policy.json" })).await?;
    let findings = |lint: &serde_json::Value| lint["findings"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(findings(&left) == 0, "audit: the repair did not help: {left}");
    let output = json!({ "found": findings(&found), "left": findings(&left) });
    agent.emit("audit", AuditCompleted::new().agent(agent.name).output(output)).await
}
