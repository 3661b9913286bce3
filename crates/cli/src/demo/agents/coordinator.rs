//! The coordinator: plans, and asks generation for the first piece of work.

use headwater::{NodeContext, NodeError, Update};
use serde_json::json;

use super::{Crew, Scene, ask, progress};
use crate::demo::script::Lines;

pub(super) async fn run(ctx: &NodeContext, crew: &Crew) -> Result<Update, NodeError> {
    let plan = Lines {
        reasoning: "They want the public API protected before Monday. A token bucket per client will do; the numbers \
                    matter more than the code.",
        text: "Plan: 1. generation writes a rate-limit policy. 2. audit reads it as an attacker would. 3. testing \
               plays real load against it. 4. deployment makes it live and proves that it is. I will only watch.",
        calls: Vec::new(),
    };
    let scene = Scene {
        part: "plan",
        model: "planner-1",
        ask: "You are the coordinator. Plan how generation, audit, testing and deployment protect the API."
            .into(),
        answers: vec![plan],
    };
    let plan = crew.chat(ctx, scene, Vec::new()).await?;
    progress(ctx, 20.0, "planned").await;
    let wish = json!({ "door": "public-api", "per": "client" });
    ask(ctx, "ask-generation", ("coordinator", "generation"), "write", wish).await;
    Ok(Update::new().set("plan", plan.text))
}
