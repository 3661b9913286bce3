//! A graph with fan-out and a join: `cargo run --example graph`.

use headwater::{END, GraphBuilder, NodeContext, NodeOptions, Reducer, RuntimeConfig, START, State, Update};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let review = |who: &'static str| {
        move |ctx: NodeContext| async move {
            ctx.message(format!("{who} reads: {}", ctx.state().text("draft"))).await;
            Ok(Update::new().set("reviews", format!("{who}: fine")))
        }
    };
    let app = GraphBuilder::new("article")
        .node("write", async |ctx: NodeContext| {
            Ok(Update::new().set("draft", format!("On {}", ctx.state().text("topic"))))
        })
        .node("style", review("style"))
        .node_with("facts", NodeOptions::new().attempts(3), review("facts"))
        .node("publish", async |ctx: NodeContext| {
            let reviews = ctx.state().read::<Vec<String>>("reviews")?.unwrap_or_default();
            Ok(Update::new().set("published", reviews.len() == 2))
        })
        .edge(START, "write")
        .edge("write", "style") // two edges: both run at once
        .edge("write", "facts")
        .join(["style", "facts"], "publish") // when both have run
        .edge("publish", END)
        .reducer("reviews", Reducer::Append) // what both add comes together
        .with_runtime_config(RuntimeConfig::default())?;

    let outcome = app.invoke(State::new().with("topic", "rivers")).await?;
    app.close().await?;
    assert_eq!(outcome.state.get("published"), Some(&true.into()));
    Ok(())
}
