//! The generation agent: writes what it is asked for, and repairs what others find.

use headwater::catalogue::{GenerationCompleted, GenerationStarted};
use serde_json::json;

use crate::demo::{
    Task,
    agent::{Agent, Ears, Request, Setting},
    model::Lines,
    task,
};

const WRITE: Lines = Lines {
    model: "writer-2",
    reasoning: "",
    text: "A token bucket per client: 50 requests a second refill it, which is four times what an ordinary client \
           uses. I keep the burst at 0 so that nobody can store up requests and spend them at once.",
};
const REPAIR: Lines = Lines {
    model: "writer-2",
    reasoning: "Burst is the size of the bucket, not a bonus on top of it. An empty bucket never holds a token.",
    text: "You are right: a bucket that holds nothing lets nothing pass. 120 is a little over two seconds of rate, \
           enough for a page that loads forty things at once.",
};

pub(super) async fn join(setting: &Setting) -> anyhow::Result<Task> {
    let agent = setting.agent("generation")?;
    let ears = agent.listen("a2a.request").await?;
    Ok(task(live(agent, ears)))
}

async fn live(mut agent: Agent, mut ears: Ears) -> anyhow::Result<()> {
    while let Some(request) = ears.request().await? {
        match request.method.as_str() {
            "write" => write(&mut agent, &request).await?,
            "repair" => repair(&mut agent, &request).await?,
            other => anyhow::bail!("generation: asked to {other}"),
        }
    }
    Ok(())
}

async fn write(agent: &mut Agent, request: &Request) -> anyhow::Result<()> {
    let started = GenerationStarted::new().agent(agent.name).input(request.payload.clone());
    agent.emit("generation", started).await?;
    agent.think("generation/draft", WRITE).await?;
    let policy = json!({ "name": "public-api", "per": "client", "rate": 50, "burst": 0 });
    let wrote = agent.call("generation/write", "write_policy", policy).await?;
    agent.answer(request, wrote.clone()).await?;
    agent.emit("generation", GenerationCompleted::new().agent(agent.name).output(wrote)).await
}

async fn repair(agent: &mut Agent, request: &Request) -> anyhow::Result<()> {
    agent.think("audit/repair/think", REPAIR).await?;
    let policy = json!({ "name": "public-api", "per": "client", "rate": 50, "burst": 120 });
    let wrote = agent.call("audit/repair/write", "write_policy", policy).await?;
    agent.answer(request, wrote).await
}
