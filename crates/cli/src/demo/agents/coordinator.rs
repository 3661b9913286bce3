//! The coordinator: opens the run, plans, sees the stages complete, closes the run.

use headwater::{
    EventType as _,
    catalogue::{
        A2aResponse, AuditCompleted, DeploymentConfirmed, Percentage, TestingCompleted, WorkflowCompleted,
        WorkflowCreated, WorkflowProgressed, WorkflowStarted,
    },
};
use serde_json::json;

use crate::demo::{
    Task,
    agent::{Agent, Ears, Setting},
    model::Lines,
    task,
};

const NAME: &str = "Protect the public API";
const PLAN: Lines = Lines {
    model: "planner-1",
    reasoning: "They want the public API protected before Monday. A token bucket per client will do; the numbers \
                matter more than the code.",
    text: "Plan: 1. generation writes a rate-limit policy. 2. audit reads it as an attacker would. 3. testing plays \
           real load against it. 4. deployment makes it live and proves that it is. I will only watch.",
};

pub(super) async fn join(setting: &Setting) -> anyhow::Result<Task> {
    let agent = setting.agent("coordinator")?;
    let ears = agent.listen("a2a.response, audit.completed, testing.completed, deployment.confirmed").await?;
    Ok(task(live(agent, ears)))
}

async fn live(mut agent: Agent, mut ears: Ears) -> anyhow::Result<()> {
    let begun = tokio::time::Instant::now();
    let input = json!({ "door": "public-api", "clients": 4000 });
    agent.emit("", WorkflowCreated::new().name(NAME).input(input).requested_by("you")).await?;
    agent.emit("", WorkflowStarted::new().name(NAME)).await?;
    agent.think("plan", PLAN).await?;
    progress(&mut agent, 20.0, "planned").await?;
    let wish = json!({ "door": "public-api", "per": "client" });
    let asked = agent.ask("ask-generation", "generation", "write", wish).await?;
    while let Some(event) = ears.next().await? {
        match event.ty() {
            A2aResponse::TYPE if event.correlationid() == Some(&asked) => {
                progress(&mut agent, 40.0, "generated").await?;
            }
            AuditCompleted::TYPE => progress(&mut agent, 60.0, "audited").await?,
            TestingCompleted::TYPE => progress(&mut agent, 80.0, "tested").await?,
            DeploymentConfirmed::TYPE => {
                progress(&mut agent, 100.0, "live").await?;
                break;
            }
            _ => {}
        }
    }
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let output = json!({ "live": "public-api" });
    agent.emit("", WorkflowCompleted::new().output(output).duration_ms(took)).await
}

async fn progress(agent: &mut Agent, percentage: f64, message: &str) -> anyhow::Result<()> {
    agent.emit("", WorkflowProgressed::new(Percentage::clamped(percentage)).message(message)).await
}
