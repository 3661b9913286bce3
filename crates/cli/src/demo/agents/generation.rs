//! The generation agent: writes what it is asked for, and repairs what others find.

use headwater::{
    NodeContext, NodeError, Update,
    catalogue::{GenerationCompleted, GenerationStarted},
};
use serde_json::{Value, json};

use super::{Crew, Scene, answer, failed, progress, stage};
use crate::demo::script::Lines;

const NAME: &str = "generation";

pub(super) async fn write(ctx: &NodeContext, crew: &Crew) -> Result<Update, NodeError> {
    let wish = json!({ "door": "public-api", "per": "client" });
    ctx.emit(&GenerationStarted::new().agent(NAME).input(wish)).await;
    let draft = Lines {
        text: "A token bucket per client: 50 requests a second refill it, which is four times what an ordinary client \
               uses. I keep the burst at 0 so that nobody can store up requests and spend them at once.",
        calls: vec![("write", "write_policy", policy(0))],
        ..Lines::default()
    };
    let done = Lines { text: "Written.", ..Lines::default() };
    let scene = Scene {
        part: "draft",
        model: "writer-2",
        ask: format!(
            "You are generation. The plan: {}. Write the policy `public-api` per client.",
            ctx.state().text("plan")
        ),
        answers: vec![draft, done],
    };
    crew.chat(ctx, scene, vec![crew.tools.write()]).await?;
    let written = crew.tools.policy().map_err(|error| failed(NAME, &error))?;
    let output = json!({ "rate": written.rate, "burst": written.burst });
    answer(ctx, "ask-generation", (NAME, "coordinator"), output.clone()).await;
    ctx.emit(&GenerationCompleted::new().agent(NAME).output(output)).await;
    progress(ctx, 40.0, "generated").await;
    Ok(Update::new())
}

pub(super) async fn repair(ctx: &NodeContext, crew: &Crew) -> Result<Update, NodeError> {
    let repair = Lines {
        reasoning: "Burst is the size of the bucket, not a bonus on top of it. An empty bucket never holds a token.",
        text: "You are right: a bucket that holds nothing lets nothing pass. 120 is a little over two seconds of rate, \
               enough for a page that loads forty things at once.",
        calls: vec![("write", "write_policy", policy(120))],
    };
    let done = Lines { text: "Repaired.", ..Lines::default() };
    let found = crew.tools.policy().map_err(|error| failed(NAME, &error))?.lint();
    let scene = Scene {
        part: "think",
        model: "writer-2",
        ask: format!("You are generation. Audit found: {}. Write a policy without that.", found.join("; ")),
        answers: vec![repair, done],
    };
    // It is generation that speaks, whichever node it works in.
    let own = stage(ctx, NAME).with_subject(ctx.subject());
    crew.chat(&own, scene, vec![crew.tools.write()]).await?;
    let written = crew.tools.policy().map_err(|error| failed(NAME, &error))?;
    let part = format!("ask-repair-{}", ctx.visit());
    answer(ctx, &part, (NAME, "audit"), json!({ "rate": written.rate, "burst": written.burst })).await;
    Ok(Update::new())
}

fn policy(burst: u32) -> Value {
    json!({ "name": "public-api", "per": "client", "rate": 50, "burst": burst })
}
