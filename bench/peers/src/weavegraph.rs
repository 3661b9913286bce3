//! weavegraph's `EventBus`: one emitter flat out, event streams with its default buffer. What a stream is told it lagged
//! behind is lost to it.

use std::time::Instant;

use anyhow::Result;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet};
use weavegraph::event_bus::{Event, EventBus, LLMStreamingEvent};

use crate::{Delivered, TOKEN};

pub(crate) async fn deliver(readers: u64, events: u64) -> Result<Delivered> {
    let bus = EventBus::with_sinks(Vec::new());
    let mut tails = JoinSet::new();
    for _ in 0..readers {
        let mut stream = bus.subscribe();
        tails.spawn(async move {
            let mut got = 0;
            loop {
                match stream.recv().await {
                    Ok(_) => got += 1,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return got,
                }
            }
        });
    }
    let emitter = bus.get_emitter();
    let since = Instant::now();
    tokio::spawn(async move {
        for _ in 0..events {
            let token =
                LLMStreamingEvent::chunk_event(None, None, None, TOKEN, std::collections::HashMap::default());
            emitter.emit(Event::LLM(token))?;
        }
        anyhow::Ok(())
    })
    .await??;
    // Readers take what is still in the buffer, and then see the end.
    bus.close_channel();
    let deliveries = tails.join_all().await.into_iter().sum();
    Ok(Delivered { deliveries, since })
}
