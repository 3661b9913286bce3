//! The stream of one model answer: chunks, then a final one or an error.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    Builder, Event, EventError,
    catalogue::{Failure, LlmCompleted, LlmDelta, LlmError},
};

/// One moment of a model's answer, whichever of the three types carries it.
///
/// `is_final` says that the answer is over. It never says that the run is: only the root's own terminal event does.
///
/// ```
/// use headwater_events::{Mark, llm::LlmStreamingEvent};
/// let last = LlmStreamingEvent::final_text("Hello").stream("m-1");
/// let event = last.to_event("/agents/writer", "wf-42").build().unwrap();
/// assert_eq!(event.ty(), "llm.completed.v1");
/// assert_eq!(event.mark(), Mark::None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LlmStreamingEvent {
    /// The session.
    pub session_id: Option<String>,
    /// The node that asked.
    pub node_id: Option<String>,
    /// Which answer it is.
    pub stream_id: Option<String>,
    /// A piece of text, the whole text where `is_final`, or the error's sentence.
    pub chunk: String,
    /// Whether the answer is over.
    pub is_final: bool,
    /// Whether it ended badly.
    pub is_error: bool,
    /// Whatever else the producer wishes to tell.
    pub metadata: Map<String, Value>,
    /// When it was made; the present where the event is built without it.
    pub timestamp: Option<Timestamp>,
}

impl LlmStreamingEvent {
    /// A piece of text.
    #[must_use]
    pub fn chunk(text: impl Into<String>) -> Self {
        Self {
            session_id: None,
            node_id: None,
            stream_id: None,
            chunk: text.into(),
            is_final: false,
            is_error: false,
            metadata: Map::new(),
            timestamp: None,
        }
    }

    /// The whole text, which ends the answer.
    #[must_use]
    pub fn final_text(text: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::chunk(text) }
    }

    /// An error, which ends the answer.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self { is_final: true, is_error: true, ..Self::chunk(message) }
    }

    /// Sets the session.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session_id = Some(id.into());
        self
    }

    /// Sets the node.
    #[must_use]
    pub fn node(mut self, id: impl Into<String>) -> Self {
        self.node_id = Some(id.into());
        self
    }

    /// Sets which answer it is.
    #[must_use]
    pub fn stream(mut self, id: impl Into<String>) -> Self {
        self.stream_id = Some(id.into());
        self
    }

    /// Adds to the metadata.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Sets when it was made.
    #[must_use]
    pub const fn at(mut self, time: Timestamp) -> Self {
        self.timestamp = Some(time);
        self
    }

    /// The event that carries it: `llm.delta`, `llm.completed` or `llm.error`.
    pub fn to_event(&self, source: impl Into<String>, subject: impl Into<String>) -> Builder {
        macro_rules! build {
            ($payload:expr) => {{
                let mut payload = $payload;
                payload.session_id.clone_from(&self.session_id);
                payload.node_id.clone_from(&self.node_id);
                payload.stream_id.clone_from(&self.stream_id);
                payload.metadata = Some(self.metadata.clone()).filter(|m| !m.is_empty());
                Event::of(source, subject, &payload)
            }};
        }
        let builder = match (self.is_final, self.is_error) {
            (_, true) => build!(LlmError::new().error(self.chunk.as_str())),
            (true, false) => build!(LlmCompleted::new().text(self.chunk.as_str())),
            (false, false) => build!(LlmDelta::new(self.chunk.as_str())),
        };
        match self.timestamp {
            Some(time) => builder.time(time),
            None => builder,
        }
    }

    /// What an event says, where it is one of the three.
    ///
    /// # Errors
    /// [`Code::InvalidData`](crate::Code::InvalidData) where its payload is not what its type promises.
    pub fn from_event(event: &Event) -> Result<Option<Self>, EventError> {
        macro_rules! read {
            ($Payload:ty, $start:expr) => {{
                let payload = event.data_as::<$Payload>()?;
                let start: fn(&$Payload) -> Self = $start;
                let mut this = start(&payload);
                this.session_id = payload.session_id;
                this.node_id = payload.node_id;
                this.stream_id = payload.stream_id;
                this.metadata = payload.metadata.unwrap_or_default();
                this.timestamp = event.time();
                this
            }};
        }
        Ok(Some(match event.ty() {
            "llm.delta.v1" => read!(LlmDelta, |p| Self::chunk(p.text.as_str())),
            "llm.completed.v1" => read!(LlmCompleted, |p| Self::final_text(p.text.as_deref().unwrap_or(""))),
            "llm.error.v1" => {
                read!(LlmError, |p| Self::error(p.error.as_ref().map_or("", Failure::message)))
            }
            _ => return Ok(None),
        }))
    }
}
