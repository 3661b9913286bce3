//! A weavegraph bus whose events go into a Headwater run: `cargo run --manifest-path interop/weavegraph/Cargo.toml`.

use std::time::Duration;

use headwater::{EventBus, EventBusConfig, Item, Polled};
use headwater_weavegraph::HeadwaterSink;
use weavegraph::event_bus::{Event, EventBus as TheirBus, LLMStreamingEvent};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bus = EventBus::memory(EventBusConfig::silent()).await?;
    let run = "wf-1".parse()?;
    let mut events = bus.hub().run(&run).await?;

    // The one line.
    let theirs = TheirBus::with_sink(HeadwaterSink::new(bus.emitter(), run));
    theirs.listen_for_events();

    let emitter = theirs.get_emitter();
    emitter.emit(Event::node_message("planning", "three steps will do"))?;
    emitter.emit(Event::LLM(LLMStreamingEvent::builder("a word").node_id("writer").stream_id("s-1").build()))?;
    emitter.emit(Event::diagnostic("runner", "all is well"))?;

    // Stopping their listener does not wait for its sinks: read first.
    let mut seen = 0;
    while seen < 3 {
        match events.next_timeout(Duration::from_secs(10)).await {
            Polled::Ready(item) => {
                if let Item::Event(delivery) = item? {
                    let event = delivery.event();
                    println!("{} {} {}", event.subject().unwrap_or_default(), event.ty(), delivery.cursor);
                    seen += 1;
                }
            }
            Polled::Idle | Polled::Over => return Err("weavegraph's bus lost an event".into()),
        }
    }
    theirs.stop_listener().await;
    bus.close().await?;
    Ok(())
}
