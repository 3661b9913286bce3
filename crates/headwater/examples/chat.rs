//! A streaming chat with tools: `OPENAI_BASE_URL=… OPENAI_API_KEY=… cargo run --example chat -- MODEL`.

use headwater::{
    ChatStep, EventBus, EventBusConfig, Item, Step, StepContext, Tool,
    catalogue::LlmDelta,
    chat::{Endpoint, Message},
};

/// Where the weather is wanted.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    /// The city.
    city: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(model) = std::env::args().nth(1) else {
        println!("name a model: cargo run --example chat -- MODEL");
        return Ok(());
    };
    let base = std::env::var("OPENAI_BASE_URL").unwrap_or_else(|_| "https://api.openai.com/v1".to_owned());
    let model = Endpoint::new(&base, std::env::var("OPENAI_API_KEY").ok(), model)?;

    let weather = Tool::new("weather", "The weather in a city, now.", async |place: Place| {
        Ok::<_, String>(format!("18 degrees and sunny in {}", place.city))
    });
    let chat = ChatStep::new(model).tool(weather);

    let bus = EventBus::memory(EventBusConfig::silent()).await?;
    let run = "chat-1".parse()?;
    let mut events = bus.hub().run(&run).await?;
    let ctx = StepContext::new(bus.emitter(), run, "/steps/chat");
    let answer =
        tokio::spawn(
            async move { chat.start(&ctx, vec![Message::user("What should I wear in Lisbon?")]).await },
        );
    while let Some(item) = events.next().await {
        let Item::Event(delivery) = item? else { continue };
        match delivery.event().ty() {
            "llm.delta.v1" => print!("{}", delivery.event().data_as::<LlmDelta>()?.text),
            "tool.call.v1" => println!("[asks for the weather]"),
            "step.completed.v1" | "step.failed.v1" => break,
            _ => {}
        }
    }
    let outcome = answer.await?.map_err(|error| error.to_string())?;
    println!("\n[{} answers, {} calls]", outcome.rounds, outcome.calls);
    Ok(())
}
