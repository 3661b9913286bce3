//! Diagnostics as events.

use std::sync::Arc;

use headwater_broker::EventBroker;
use headwater_events::{Event, StreamName, catalogue::DiagnosticMessage};
use headwater_store::SystemClock;
use tokio::runtime::Handle;

use crate::{DiagnosticStream, Emitter, EmitterOptions, EventEmitter, WhenFull, diagnostics::Diagnostics};

const SOURCE: &str = "/headwater/bus";

/// Publishes diagnostics as `diagnostic.message` in a stream until the bus is gone. What happens to these events is told to
/// nobody: it would go round.
pub(super) fn forward(
    mut told: DiagnosticStream,
    stream: StreamName,
    broker: Arc<dyn EventBroker>,
    runtime: &Handle,
) {
    let quiet = Diagnostics::new(1, Arc::new(SystemClock));
    let options = EmitterOptions {
        name: "diagnostics".to_owned(),
        when_full: WhenFull::DropNewest,
        ..EmitterOptions::default()
    };
    let emitter = Emitter::spawn(broker, options, quiet, Arc::default(), runtime);
    runtime.spawn(async move {
        while let Some(told) = told.next().await {
            let payload = DiagnosticMessage::new(format!("{}: {}", told.part, told.detail))
                .scope(told.part.to_string())
                .level(told.kind.level());
            let event = Event::of(SOURCE, stream.as_str(), &payload).time(told.at).stream(&stream).build();
            // A sentence of ours always makes an event, and a full queue leaves it out.
            if let Ok(event) = event {
                drop(emitter.emit(event));
            }
        }
    });
}
