//! The audit agent: reads what was generated, and has repaired what it finds.

use headwater::{
    NodeContext, NodeError, Update,
    catalogue::{AuditCompleted, AuditStarted},
};
use serde_json::json;

use super::{Crew, Scene, ask, failed, progress, stage};
use crate::demo::script::Lines;

const NAME: &str = "audit";

pub(super) async fn read(ctx: &NodeContext, crew: &Crew) -> Result<Update, NodeError> {
    ctx.emit(&AuditStarted::new().agent(NAME)).await;
    let read = Lines {
        reasoning: "Read it as an attacker: which client gets more than it should? And then as a customer: who gets \
                    less?",
        text: "The rate is sound. The burst worries me. With a bucket of size 0 no token can ever be in it, so the \
               very first request of every client would be refused: this policy is an outage with a schedule. I will \
               have the linter confirm it and ask generation for a repair.",
        calls: vec![("lint", "lint_policy", json!({}))],
    };
    let confirmed = Lines { text: "Confirmed.", ..Lines::default() };
    look(ctx, crew, "read", vec![read, confirmed]).await?;
    judge(ctx, crew, 1).await
}

pub(super) async fn recheck(ctx: &NodeContext, crew: &Crew) -> Result<Update, NodeError> {
    let again = Lines { calls: vec![("lint-again", "lint_policy", json!({}))], ..Lines::default() };
    let sound = Lines { text: "Nothing is left to find.", ..Lines::default() };
    // It is audit that speaks, whichever node it works in.
    look(&stage(ctx, NAME).with_subject(ctx.subject()), crew, "read", vec![again, sound]).await?;
    judge(ctx, crew, ctx.visit() + 1).await
}

async fn look(
    ctx: &headwater::StepContext,
    crew: &Crew,
    part: &'static str,
    answers: Vec<Lines>,
) -> Result<(), NodeError> {
    let policy = crew.tools.policy().map_err(|error| failed(NAME, &error))?;
    let policy = serde_json::to_string(&policy)?;
    let ask =
        format!("You are audit. Read this policy as an attacker and as a customer, and lint it: {policy}");
    crew.chat(ctx, Scene { part, model: "auditor-1", ask, answers }, vec![crew.tools.lint()]).await?;
    Ok(())
}

/// Asks for a repair, the nth, or ends the stage.
async fn judge(ctx: &NodeContext, crew: &Crew, nth: u64) -> Result<Update, NodeError> {
    let findings = crew.tools.policy().map_err(|error| failed(NAME, &error))?.lint();
    if findings.is_empty() {
        let output = json!({ "repairs": nth - 1, "left": 0 });
        stage(ctx, NAME).emit(&AuditCompleted::new().agent(NAME).output(output)).await;
        progress(ctx, 60.0, "audited").await;
    } else {
        let part = format!("ask-repair-{nth}");
        ask(ctx, &part, (NAME, "generation"), "repair", json!({ "findings": findings })).await;
    }
    Ok(Update::new().set("findings", findings.len()))
}
