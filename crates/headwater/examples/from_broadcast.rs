//! From a broadcast channel to a bus: `cargo run --example from_broadcast`.

use headwater::{Event, EventBus, EventBusConfig, Item, Subscription, catalogue::NodeMessage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // let (sender, _) = tokio::sync::broadcast::channel(1024);
    let bus = EventBus::memory(EventBusConfig::silent()).await?;

    // sender.send(event)?;   fails when nobody listens
    let event = Event::of("/nodes/a", "run-1", &NodeMessage::new("first")).build()?;
    bus.emitter().emit(event)?; // having no subscriber is no error

    // let mut receiver = sender.subscribe();   sees only what comes from now on
    let run = bus.hub().scope(&"run-1".parse()?);
    let mut events = bus.subscribe_to(Subscription::new(run)).await?; // from the first event on

    // Err(Lagged(n)) => …   n events are gone
    while let Some(item) = events.next().await {
        match item? {
            Item::Event(delivery) => {
                println!("{}", delivery.event().data_as::<NodeMessage>()?.message);
                break;
            }
            Item::Gap(gap) => println!("lost, and told: {}", gap.reason),
            Item::CaughtUp(_) | Item::End(_) => {}
        }
    }
    bus.close().await?;
    Ok(())
}
