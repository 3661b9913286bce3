//! The five agents as a graph.
//!
//! ```text
//!  coordinator ──► generation ──► audit ──► testing ──► deployment ──► end
//!                                   │ findings ▲
//!                                   ▼          │ none left
//!                                 repair ──► recheck
//! ```

mod audit;
mod coordinator;
mod deployment;
mod generation;
mod testing;

use std::{sync::Arc, time::Duration};

use headwater::{
    ChatStep, END, GraphBuilder, NodeContext, NodeError, NodeOptions, START, State, Step as _, StepContext,
    Tool,
    catalogue::{A2aRequest, A2aResponse, Percentage, WorkflowProgressed},
    chat::{ChatOutcome, Message},
};
use serde_json::Value;

use super::{
    script::{Lines, Script},
    setting::Setting,
    tools::Tools,
};

/// The graph.
pub(crate) fn graph(setting: &Setting) -> GraphBuilder {
    let crew = Arc::new(Crew { tools: Tools::new(&setting.work, setting.pace), setting: setting.clone() });
    macro_rules! agent {
        ($work:path) => {{
            let crew = Arc::clone(&crew);
            move |ctx: NodeContext| {
                let crew = Arc::clone(&crew);
                async move { $work(&ctx, &crew).await }
            }
        }};
    }
    let found = |state: &State| state.get("findings").and_then(Value::as_u64).is_some_and(|n| n > 0);
    let next = move |state: &State| if found(state) { "repair" } else { "testing" };
    GraphBuilder::new("pipeline")
        .node("coordinator", agent!(coordinator::run))
        .node("generation", agent!(generation::write))
        .node("audit", agent!(audit::read))
        .node_with("repair", NodeOptions::new().max_visits(3), agent!(generation::repair))
        .node("recheck", agent!(audit::recheck))
        .node("testing", agent!(testing::run))
        .node("deployment", agent!(deployment::run))
        .edge(START, "coordinator")
        .edge("coordinator", "generation")
        .edge("generation", "audit")
        .conditional("audit", ["repair", "testing"], next)
        .edge("repair", "recheck")
        .conditional("recheck", ["repair", "testing"], next)
        .edge("testing", "deployment")
        .edge("deployment", END)
}

/// What the agents share.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) setting: Setting,
    pub(crate) tools: Tools,
}

/// What an agent has to say: the part of the run, what it is asked, and its lines where no real model answers.
struct Scene {
    part: &'static str,
    model: &'static str,
    ask: String,
    answers: Vec<Lines>,
}

impl Crew {
    /// Lets a model answer, with tools.
    async fn chat(
        &self,
        ctx: &StepContext,
        scene: Scene,
        tools: Vec<Tool>,
    ) -> Result<ChatOutcome, NodeError> {
        let step = match &self.setting.model {
            Some(model) => ChatStep::new(model.clone()),
            None => ChatStep::new(Script::new(scene.model, scene.answers, self.setting.pace)),
        };
        // Every token is an event here: that is what the demo shows.
        let step = step.window(Duration::ZERO).max_rounds(8);
        let step = tools.into_iter().fold(step, ChatStep::tool);
        let system = "You are one of five agents who protect a public API with a rate limit: a token bucket for each \
                      client, as JSON with the members name, per, rate (tokens a second) and burst (size of the \
                      bucket). Say in two or three sentences what you do, and do it with your tools.";
        step.run(&ctx.part(scene.part), vec![Message::system(system), Message::user(scene.ask)]).await
    }
}

/// The run itself, as the coordinator tells of it.
fn whole(ctx: &NodeContext) -> StepContext {
    StepContext::new(ctx.emitter().clone(), ctx.run().clone(), "/nodes/coordinator")
        .with_tenant(ctx.tenant().clone())
}

/// A stage of the run, whichever node tells of it.
fn stage(ctx: &NodeContext, name: &str) -> StepContext {
    whole(ctx).part(name).with_source(format!("/nodes/{name}"))
}

/// How far the run is.
async fn progress(ctx: &NodeContext, percentage: f64, message: &str) {
    let progressed = WorkflowProgressed::new(Percentage::clamped(percentage)).message(message);
    whole(ctx).emit(&progressed).await;
}

/// An agent asks another: `part` of the run stays open until it is answered.
async fn ask(ctx: &NodeContext, part: &str, (from, to): (&str, &str), method: &str, payload: Value) {
    let request = A2aRequest::new().request_id(part).from(from).to(to).method(method).payload(payload);
    stage(ctx, from).with_subject(format!("{}/{part}", ctx.run())).emit(&request).await;
}

/// An agent answers another.
async fn answer(ctx: &NodeContext, part: &str, (from, to): (&str, &str), payload: Value) {
    let response = A2aResponse::new().request_id(part).from(from).to(to).payload(payload);
    stage(ctx, from).with_subject(format!("{}/{part}", ctx.run())).emit(&response).await;
}

/// What an agent could not do.
fn failed(agent: &str, error: &anyhow::Error) -> NodeError {
    NodeError::fatal(format!("{agent}: {error:#}"))
}
