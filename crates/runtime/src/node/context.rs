//! What a node has at hand.

use std::{ops::Deref, sync::Arc};

use headwater_events::catalogue::{ApprovalRequested, InterruptRequested, NodeMessage};
use serde_json::Value;

use super::NodeError;
use crate::{
    State, StepContext,
    run::{Answers, InterruptId},
};

/// What a node has at hand: the state, a way to emit, its place in the run, and whom to ask.
///
/// Everything of a [`StepContext`] is there too: `emit`, `try_emit`, `token`, `part`.
#[derive(Debug, Clone)]
pub struct NodeContext {
    pub(crate) step: StepContext,
    pub(crate) state: State,
    pub(crate) node: String,
    pub(crate) visit: u64,
    pub(crate) attempt: u32,
    pub(crate) answers: Arc<Answers>,
    /// How many questions this try has asked.
    pub(crate) asked: Arc<std::sync::atomic::AtomicU64>,
}

impl NodeContext {
    /// The state as it was when the step began.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The node's name.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Which run of this node it is, from 1.
    #[must_use]
    pub const fn visit(&self) -> u64 {
        self.visit
    }

    /// Which try of it, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The same for every try of this piece of work, before and after a crash, and for no other: effects elsewhere are
    /// done once under it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.step.run(), self.node, self.visit)
    }

    /// Says something in the run's stream.
    pub async fn message(&self, text: impl Into<String>) {
        self.step.emit(&NodeMessage::new(text.into())).await;
    }

    /// Asks a human and waits for the answer: an `interrupt.resolved` event in the run's stream with this interrupt's id,
    /// whoever publishes it. Use it with `?`: the node ends here and runs again, from its beginning, when the answer is there.
    /// The answer is the event's `value`.
    ///
    /// # Errors
    /// Always the first time, which is how the node waits.
    pub async fn interrupt(&self, prompt: impl Into<String>) -> Result<Value, NodeError> {
        let id = self.next_question();
        match self.answers.get(&id) {
            Some(answer) => Ok(answer),
            None => {
                let asked = InterruptRequested::new().interrupt_id(id.0.as_str()).prompt(prompt.into());
                Err(self.ask(id, &asked).await)
            }
        }
    }

    /// As [`NodeContext::interrupt`], for a yes or no: an `approval.resolved` event answers.
    ///
    /// # Errors
    /// As [`NodeContext::interrupt`].
    pub async fn approval(
        &self,
        action: impl Into<String>,
        arguments: Option<Value>,
    ) -> Result<bool, NodeError> {
        let id = self.next_question();
        match self.answers.get(&id) {
            Some(answer) => Ok(answer == Value::Bool(true)),
            None => {
                let mut asked = ApprovalRequested::new().approval_id(id.0.as_str()).action(action.into());
                asked.arguments = arguments;
                Err(self.ask(id, &asked).await)
            }
        }
    }

    /// Asks once: after a crash the question may be in the stream already.
    async fn ask<T: headwater_events::EventType>(&self, id: InterruptId, question: &T) -> NodeError {
        if self.answers.asks(&id) {
            let part =
                self.step.part(&format!("ask-{}", self.asked.load(std::sync::atomic::Ordering::Relaxed)));
            // A question that nobody can see is never answered.
            if let Err(error) = part.publish(question).await {
                return NodeError::failed(format!("the question was not stored: {error}"));
            }
        }
        NodeError::waiting(id)
    }

    fn next_question(&self) -> InterruptId {
        let n = self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        InterruptId(format!("{}-{}-{n}", self.node, self.visit))
    }
}

impl Deref for NodeContext {
    type Target = StepContext;

    fn deref(&self) -> &StepContext {
        &self.step
    }
}
