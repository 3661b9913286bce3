//! A command line without async: `cargo run --example blocking`.

use headwater::{GraphBuilder, Item, NodeContext, RuntimeConfig, START, State, Update};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let graph = GraphBuilder::new("count").edge(START, "count").node("count", async |ctx: NodeContext| {
        for n in 1..=3 {
            ctx.message(n.to_string()).await;
        }
        Ok(Update::new())
    });
    let app = graph.with_runtime_config(RuntimeConfig::silent())?;
    let (events, mut run) = runtime.block_on(app.invoke_streaming(State::new()))?;
    for item in events.into_blocking_iter(runtime.handle()) {
        if let Item::Event(delivery) = item? {
            println!("{}", delivery.event().ty());
        }
    }
    runtime.block_on(run.join())?;
    Ok(())
}
