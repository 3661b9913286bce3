//! One answer of a model, told as it comes.

use std::{collections::BTreeMap, time::Duration};

use futures_util::StreamExt;
use headwater_events::catalogue::{
    Conversation, FailureDetail, LlmCompleted, LlmDelta, LlmError, LlmInterrupted, LlmReasoningCompleted,
    LlmReasoningDelta, LlmStarted, ToolArguments, Usage,
};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{
    Answer, ChatModel, ChatRequest, ModelError, Piece, ToolCall,
    coalesce::{Coalescer, Part},
};
use crate::{NodeError, StepContext, millis};

/// The most text that one event holds, in bytes.
const MAX_TEXT: usize = 192 * 1024;

/// One answer of a model, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) calls: BTreeMap<usize, ToolCall>,
    pub(super) usage: Usage,
    pub(super) finish: Option<String>,
    model: Option<String>,
}

/// One answer of a model under way.
pub(super) struct Writing<'a> {
    ctx: &'a StepContext,
    id: String,
    coalescer: Coalescer,
    written: Written,
}

impl<'a> Writing<'a> {
    /// Lets the model answer, tells every piece of it, and gives the whole.
    pub(super) async fn run(
        ctx: &'a StepContext,
        model: &dyn ChatModel,
        request: &ChatRequest,
        window: Duration,
    ) -> Result<Written, NodeError> {
        let (id, begun) = (Uuid::now_v7().to_string(), Instant::now());
        let mut writing = Self { ctx, id, coalescer: Coalescer::new(window), written: Written::default() };
        let mut started = LlmStarted::new().stream_id(writing.id.as_str()).model(model.name());
        started.session_id = ctx.session().map(ToOwned::to_owned);
        ctx.emit(&started).await;
        let outcome = tokio::select! {
            outcome = writing.read(model, request) => outcome.map_err(Some),
            () = ctx.token().cancelled() => Err(None),
        };
        writing.flush().await;
        match outcome {
            Ok(()) => {
                writing.tell_completed(model.name(), begun).await;
                Ok(writing.written)
            }
            Err(Some(error)) => {
                let detail = FailureDetail {
                    message: error.message.clone(),
                    code: Some(error.kind.code().to_owned()),
                    retryable: Some(error.kind.is_retryable()),
                    details: None,
                };
                let text = writing.written.text.as_str();
                ctx.emit(&LlmError::new().stream_id(writing.id.as_str()).error(detail).text(short(text)))
                    .await;
                let told = format!("the model failed: {error}");
                Err(if error.kind.is_retryable() { NodeError::failed(told) } else { NodeError::fatal(told) })
            }
            Err(None) => {
                let broken = LlmInterrupted::new().stream_id(writing.id.as_str()).reason("cancelled");
                ctx.emit(&broken.text(short(&writing.written.text))).await;
                Err(NodeError::cancelled())
            }
        }
    }

    async fn read(&mut self, model: &dyn ChatModel, request: &ChatRequest) -> Result<(), ModelError> {
        let mut answer: Answer = model.answer(request).await?;
        loop {
            let due = self.coalescer.due();
            let piece = tokio::select! {
                piece = answer.next() => piece,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.flush().await;
                    continue;
                }
            };
            match piece {
                Some(piece) => self.take(piece?).await,
                None => return Ok(()),
            }
        }
    }

    async fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Text(text) => {
                self.written.text.push_str(&text);
                self.delta(Part::Text, &text).await;
            }
            Piece::Reasoning(text) => {
                self.written.reasoning.push_str(&text);
                self.delta(Part::Reasoning, &text).await;
            }
            Piece::Call { index, id, name, arguments } => {
                let call = self.written.calls.entry(index).or_insert_with(|| ToolCall {
                    id: String::new(),
                    name: String::new(),
                    arguments: String::new(),
                });
                // Some say these once, some with every piece.
                if let Some(id) = id.filter(|_| call.id.is_empty()) {
                    call.id = id;
                }
                if let Some(name) = name.filter(|_| call.name.is_empty()) {
                    call.name = name;
                }
                call.arguments.push_str(&arguments);
                if !arguments.is_empty() {
                    self.delta(Part::Arguments(index), &arguments).await;
                }
            }
            Piece::Usage(usage) => self.written.usage = usage,
            Piece::Finish(why) => self.written.finish = Some(why),
            Piece::Model(name) => self.written.model = Some(name),
            Piece::Garbage => {}
        }
    }

    async fn delta(&mut self, part: Part, text: &str) {
        for (part, text) in self.coalescer.push(part, text, Instant::now()) {
            self.tell(part, text).await;
        }
    }

    async fn flush(&mut self) {
        if let Some((part, text)) = self.coalescer.flush(Instant::now()) {
            self.tell(part, text).await;
        }
    }

    async fn tell(&self, part: Part, text: String) {
        let id = self.id.as_str();
        match part {
            Part::Text => self.ctx.emit(&LlmDelta::new(text).stream_id(id)).await,
            Part::Reasoning => self.ctx.emit(&LlmReasoningDelta::new(text).stream_id(id)).await,
            Part::Arguments(index) => {
                let mut arguments = ToolArguments::new(text);
                let call = self.written.calls.get(&index);
                arguments.tool_call_id = call.map(|call| call.id.clone()).filter(|id| !id.is_empty());
                arguments.name = call.map(|call| call.name.clone()).filter(|name| !name.is_empty());
                self.ctx.emit(&arguments).await;
            }
        }
    }

    async fn tell_completed(&self, model: &str, begun: Instant) {
        let (id, written) = (self.id.as_str(), &self.written);
        if !written.reasoning.is_empty() {
            let whole = LlmReasoningCompleted::new().stream_id(id).text(short(&written.reasoning));
            self.ctx.emit(&whole).await;
        }
        let model = written.model.as_deref().unwrap_or(model);
        let mut completed = LlmCompleted::new()
            .stream_id(id)
            .text(short(&written.text))
            .model(model)
            .duration_ms(millis(begun.elapsed()));
        completed.session_id = self.ctx.session().map(ToOwned::to_owned);
        completed.finish_reason.clone_from(&written.finish);
        completed.usage = (written.usage != Usage::default()).then_some(written.usage);
        let conversation = Conversation {
            session: completed.session_id.clone(),
            run: Some(self.ctx.run().to_string()),
            message: Some(id.to_owned()),
            model: Some(model.to_owned()),
            ..Conversation::default()
        };
        self.ctx.emit(&completed.conversation(conversation)).await;
    }
}

/// As much of a text as an event holds.
fn short(text: &str) -> String {
    match text.get(..text.floor_char_boundary(MAX_TEXT)) {
        Some(start) if start.len() < text.len() => format!("{start}…"),
        _ => text.to_owned(),
    }
}
