//! A step that tells what it does: `cargo run --example hello_step`.

use headwater::{EventBus, EventBusConfig, FnStep, Step, StepContext};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Standard output is the default sink: each event is a line.
    let bus = EventBus::memory(EventBusConfig::default()).await?;
    bus.start().await?;

    let hello = FnStep::new("hello", async |ctx: StepContext, name: String| {
        ctx.progress(0.5, "thinking of something nice").await;
        Ok(format!("Hello, {name}"))
    });
    let ctx = StepContext::new(bus.emitter(), "run-1".parse()?, "/steps/hello");
    let greeting = hello.start(&ctx, "Ada".to_owned()).await.map_err(|error| error.to_string())?;

    bus.close().await?; // what was emitted has been printed
    assert_eq!(greeting, "Hello, Ada");
    Ok(())
}
