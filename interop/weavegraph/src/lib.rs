//! A sink that brings the events of [`weavegraph`] into Headwater: one line in a program that is there already, and its runs
//! are stored, can be resumed and are seen everywhere.

use std::io;

use headwater::{EmitterHandle, Event, StreamName, dialect};
use tokio::runtime::Handle;
use weavegraph::event_bus::EventSink;

/// Passes what a weavegraph bus says on to a run.
///
/// The bus calls its sinks on threads that may wait, so that a full queue here slows the sink down and loses nothing. What the
/// bus itself has lost by then (its broadcast channel passes over slow sinks) does not come here.
pub struct HeadwaterSink {
    emitter: EmitterHandle,
    run: StreamName,
    runtime: Handle,
}

impl HeadwaterSink {
    /// A sink into the run. It is made inside the Tokio runtime of the emitter.
    pub fn new(emitter: EmitterHandle, run: StreamName) -> Self {
        Self { emitter, run, runtime: Handle::current() }
    }
}

impl EventSink for HeadwaterSink {
    fn handle(&mut self, event: &weavegraph::event_bus::Event) -> io::Result<()> {
        let event = translate(event, &self.run).map_err(io::Error::other)?;
        self.runtime.block_on(self.emitter.emit_async(event)).map_err(io::Error::other)
    }

    fn name(&self) -> String {
        format!("headwater run {}", self.run)
    }
}

/// Brings an event of weavegraph to ours: `node.message`, `diagnostic.message` or one of `llm.*`, with a part of the run
/// as its subject.
pub fn translate(
    event: &weavegraph::event_bus::Event,
    run: &StreamName,
) -> Result<Event, headwater::EventError> {
    let event = dialect::accept(event.to_json_value().to_string())?;
    let part = event.source().rsplit('/').next().unwrap_or("graph");
    event.to_builder().stream(run).subject(format!("{run}/{part}")).build()
}
