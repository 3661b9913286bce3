//! Model streams: a step that lets a model answer, with tools, and tells all of it as it comes.
//!
//! [`ChatStep`] is the step, [`ChatModel`] what it talks to, [`Endpoint`] any server with an OpenAI-compatible interface,
//! [`Tool`] an async function that the model may call.

mod answer;
mod chunk;
mod coalesce;
mod endpoint;
mod error;
mod message;
mod reply;
mod step;
mod tool;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use headwater_events::catalogue::Usage;
use serde_json::Value;

pub use endpoint::Endpoint;
pub use error::{ModelError, ModelErrorKind};
pub use message::{Message, ToolCall};
pub use step::{ChatOutcome, ChatStep};
pub use tool::{Tool, ToolFailure};

/// What a model is asked.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools that it may call, as JSON in the form of the interface.
    pub tools: Vec<Value>,
}

/// A piece of a model's answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Piece {
    /// Text of the answer.
    Text(String),
    /// Text of what it thinks.
    Reasoning(String),
    /// A piece of a call of a tool. The pieces of one call have one index.
    Call {
        /// Which call of the answer.
        index: usize,
        /// Its id, once.
        id: Option<String>,
        /// The tool, once.
        name: Option<String>,
        /// A piece of the arguments, which are JSON when all pieces are together.
        arguments: String,
    },
    /// What the answer took.
    Usage(Usage),
    /// Why it stops.
    Finish(String),
    /// The name that the model goes by.
    Model(String),
    /// Something that was not understood. It is counted; the answer goes on.
    Garbage,
}

/// A model's answer as it is written. Dropping it stops the model.
pub type Answer = BoxStream<'static, Result<Piece, ModelError>>;

/// Something that answers: a server, or a script in a test.
#[async_trait]
pub trait ChatModel: Send + Sync + 'static {
    /// What the model is called.
    fn name(&self) -> &str;

    /// Begins an answer. Dropping the future, or the answer, stops the model.
    ///
    /// # Errors
    /// There is none. What can be tried again was.
    async fn answer(&self, request: &ChatRequest) -> Result<Answer, ModelError>;
}
