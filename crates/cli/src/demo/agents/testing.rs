//! The testing agent: plays load against the policy.

use headwater::{
    NodeContext, NodeError, Update,
    catalogue::{TestingCompleted, TestingStarted},
};
use serde_json::json;

use super::{Crew, Scene, failed, progress};
use crate::demo::script::Lines;

const NAME: &str = "testing";

pub(super) async fn run(ctx: &NodeContext, crew: &Crew) -> Result<Update, NodeError> {
    ctx.emit(&TestingStarted::new().agent(NAME)).await;
    let choose = Lines {
        text: "Two loads tell the story: an ordinary client at 40 a second for a minute, who must not notice anything, \
               and a flood of 500 a second, of which little more than the rate may pass.",
        calls: vec![
            ("ordinary", "simulate", json!({ "per_second": 40, "seconds": 60 })),
            ("flood", "simulate", json!({ "per_second": 500, "seconds": 10 })),
        ],
        ..Lines::default()
    };
    let done = Lines { text: "Both went as they should.", ..Lines::default() };
    let scene = Scene {
        part: "choose",
        model: "tester-1",
        ask: "You are testing. Simulate an ordinary client and a flood against the policy.".into(),
        answers: vec![choose, done],
    };
    crew.chat(ctx, scene, vec![crew.tools.simulate()]).await?;
    // Whatever a model makes of it, these two must hold.
    let policy = crew.tools.policy().map_err(|error| failed(NAME, &error))?;
    let (ordinary, flood) = (policy.simulate(40, 60), policy.simulate(500, 10));
    if ordinary.held > 0 || flood.passed > 1200 {
        return Err(NodeError::fatal(format!("testing: the policy does not hold: {ordinary:?}, {flood:?}")));
    }
    let output = json!({ "loads": 2, "flood_held": flood.held });
    ctx.emit(&TestingCompleted::new().agent(NAME).output(output)).await;
    progress(ctx, 80.0, "tested").await;
    Ok(Update::new())
}
