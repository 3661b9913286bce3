//! A run that goes on after a crash: `cargo run --example resume -- FOLDER`, killed as often as you like.

use std::time::Duration;

use headwater::{
    GraphBuilder, NodeContext, Reducer, RunError, RuntimeConfig, START, State, StreamName, Update,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let own = tempfile::tempdir()?;
    let folder = std::env::args().nth(1).unwrap_or_else(|| own.path().display().to_string());
    let broker = headwater::connect(&format!("embedded:{folder}")).await?;
    let mut graph = GraphBuilder::new("long").reducer("done", Reducer::Append);
    let mut before = START;
    for name in ["fetch", "parse", "index", "report"] {
        graph = graph
            .node(name, move |ctx: NodeContext| async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                // What is done elsewhere is done under this key: it is the same after a crash.
                ctx.message(format!("done under {}", ctx.key())).await;
                Ok(Update::new().set("done", name))
            })
            .edge(before, name);
        before = name;
    }
    let app = graph.with_runtime_config(RuntimeConfig::default().with_broker(broker.clone()))?;

    let run: StreamName = "nightly".parse()?;
    let outcome = match app.resume(&run).await {
        Ok(mut handle) => handle.join().await,
        Err(RunError::NotFound { .. } | RunError::Ended { .. }) => {
            app.start(Some(run), State::new()).await?.join().await
        }
        Err(error) => Err(error),
    };
    println!("{}", outcome?.state.to_value());
    app.close().await?;
    broker.close().await?;
    Ok(())
}
