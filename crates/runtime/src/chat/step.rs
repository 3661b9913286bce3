//! A step that lets a model answer.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use headwater_bus::PublisherManager;
use headwater_events::catalogue::{ToolCall as ToolCalled, ToolError, ToolResult, Usage};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    ChatModel, ChatRequest, Message, Tool, ToolCall, ToolFailure,
    answer::{Writing, Written},
    tool::parsed,
};
use crate::{NodeError, Step, StepContext, metric_definitions as m, millis};

/// A step that lets a model answer, and call tools until it has an answer.
///
/// Its events: `llm.started`, deltas of reasoning, text and arguments, `llm.reasoning.completed`, `llm.completed`; for each
/// call `tool.call` and `tool.result` or `tool.error`; and again. `llm.error` and `llm.interrupted` end an answer badly.
/// Cancelling the step's token stops the model.
pub struct ChatStep {
    name: String,
    model: Arc<dyn ChatModel>,
    tools: Vec<Tool>,
    publishers: PublisherManager,
    window: Duration,
    max_rounds: u32,
}

/// What a conversation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatOutcome {
    /// The last answer.
    pub text: String,
    /// The conversation with all that was added to it.
    pub messages: Vec<Message>,
    /// What the last answer took.
    pub usage: Usage,
    /// Why the last answer stopped, where the server said so.
    pub finish_reason: Option<String>,
    /// How many answers there were.
    pub rounds: u32,
    /// How many calls of tools.
    pub calls: u32,
}

impl ChatStep {
    /// A step with a model and no tools.
    pub fn new(model: impl ChatModel) -> Self {
        Self::shared(Arc::new(model))
    }

    /// As [`ChatStep::new`], for a model that others use too.
    #[must_use]
    pub fn shared(model: Arc<dyn ChatModel>) -> Self {
        Self {
            name: "chat".to_owned(),
            model,
            tools: Vec::new(),
            publishers: PublisherManager::new(),
            window: Duration::from_millis(30),
            max_rounds: 16,
        }
    }

    /// Calls it otherwise.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Gives the model a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Puts deltas of so long a time into one: 30 ms. The first of a part goes out at once.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Lets the model answer so often: 16.
    #[must_use]
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = rounds.max(1);
        self
    }

    /// Calls what the model wishes to be called, all at once, and gives the results in the order of the calls.
    async fn call_all(&self, ctx: &StepContext, calls: &[ToolCall]) -> Result<Vec<Message>, NodeError> {
        for call in calls {
            let arguments = parsed(&call.arguments).unwrap_or_else(|_| call.arguments.as_str().into());
            let called = ToolCalled::new().tool_call_id(call.id.as_str()).name(call.name.as_str());
            ctx.part(&subject(call)).emit(&called.arguments(arguments)).await;
        }
        let work = join_all(calls.iter().map(|call| self.call(ctx, call)));
        tokio::select! {
            results = work => Ok(results),
            () = ctx.token().cancelled() => Err(NodeError::cancelled()),
        }
    }

    async fn call(&self, ctx: &StepContext, call: &ToolCall) -> Message {
        let (part, begun) = (ctx.part(&subject(call)), Instant::now());
        let tool = self.tools.iter().find(|tool| tool.name() == call.name);
        let outcome = match tool {
            Some(tool) => tool.call(&call.arguments).await,
            None => Err(ToolFailure::Unknown(call.name.clone())),
        };
        let took = millis(begun.elapsed());
        let content = match outcome {
            Ok(value) => {
                let told = ToolResult::new().tool_call_id(call.id.as_str()).name(call.name.as_str());
                part.emit(&told.result(value.clone()).duration_ms(took)).await;
                value
            }
            Err(failure) => {
                if !matches!(failure, ToolFailure::Failed(_)) {
                    // A name that no tool has would make a label of its own.
                    let known = tool.map_or("unknown", Tool::name).to_owned();
                    metrics::counter!(m::TOOL_MISFITS, "tool" => known).increment(1);
                }
                let told = ToolError::new().tool_call_id(call.id.as_str()).name(call.name.as_str());
                part.emit(&told.error(failure.to_string()).duration_ms(took)).await;
                json!({ "error": failure.to_string() })
            }
        };
        let content = match content {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Message::Tool { call: call.id.clone(), content }
    }
}

#[async_trait]
impl Step for ChatStep {
    type Input = Vec<Message>;
    type Output = ChatOutcome;

    fn name(&self) -> &str {
        &self.name
    }

    fn publishers(&self) -> &PublisherManager {
        &self.publishers
    }

    async fn run(&self, ctx: &StepContext, input: Vec<Message>) -> Result<ChatOutcome, NodeError> {
        let tools = self.tools.iter().map(Tool::to_wire).collect();
        let mut request = ChatRequest { messages: input, tools };
        let mut count = 0;
        for round in 1..=self.max_rounds {
            // The first answer is what the step is about; further ones are parts of it.
            let part = if round == 1 { ctx.clone() } else { ctx.part(&format!("llm-{round}")) };
            let written = Writing::run(&part, &*self.model, &request, self.window).await?;
            let calls = calls(&written);
            let content = written.text.clone();
            request.messages.push(Message::Assistant { content, calls: calls.clone() });
            if calls.is_empty() {
                return Ok(ChatOutcome {
                    text: written.text,
                    messages: request.messages,
                    usage: written.usage,
                    finish_reason: written.finish,
                    rounds: round,
                    calls: count,
                });
            }
            count += u32::try_from(calls.len()).unwrap_or(u32::MAX);
            request.messages.extend(self.call_all(ctx, &calls).await?);
        }
        let rounds = self.max_rounds;
        Err(NodeError::fatal(format!("the model called tools in {rounds} answers and came to no end")))
    }
}

/// The part of the run that a call is. Ids of models may hold anything; the payload has them as they are.
fn subject(call: &ToolCall) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    format!("tool/{}", call.id.chars().map(fits).take(64).collect::<String>())
}

/// The calls of an answer, each with an id of its own: some servers give none, or one to all.
fn calls(written: &Written) -> Vec<ToolCall> {
    let mut calls: Vec<ToolCall> = Vec::with_capacity(written.calls.len());
    for call in written.calls.values().filter(|call| !call.name.is_empty()) {
        let mut call = call.clone();
        if call.id.is_empty() || calls.iter().any(|have| have.id == call.id) {
            call.id = format!("call-{}", Uuid::now_v7());
        }
        calls.push(call);
    }
    calls
}

impl fmt::Debug for ChatStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStep")
            .field("name", &self.name)
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}
