//! weavegraph's `EventBus`: emitters flat out, event streams with its default buffer. What a stream is told it lagged
//! behind is lost to it.

use std::time::Instant;

use anyhow::Result;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet};
use weavegraph::event_bus::{Event, EventBus, LLMStreamingEvent};

use crate::{Delivered, TOKEN};

pub(crate) async fn deliver(readers: u64, events: u64, emitters: u64) -> Result<Delivered> {
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
    let since = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..emitters {
        let emitter = bus.get_emitter();
        tasks.spawn(async move {
            for _ in 0..events / emitters {
                let token = LLMStreamingEvent::chunk_event(
                    None,
                    None,
                    None,
                    TOKEN,
                    std::collections::HashMap::default(),
                );
                emitter.emit(Event::LLM(token))?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    // Readers take what is still in the buffer, and then see the end.
    bus.close_channel();
    let deliveries = tails.join_all().await.into_iter().sum();
    Ok(Delivered { deliveries, since })
}
