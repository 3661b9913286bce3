//! One visit of a node: its tries, its waits for answers, and what is told of them.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use headwater_events::catalogue::{
    Execution, StepCompleted, StepFailed, StepStarted, StreamError, WorkflowResumed, WorkflowSuspended,
};
use headwater_store::Backoff;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Answers, InterruptId, Run};
use crate::{
    NodeContext, NodeError, NodeOptions, State, StepContext, Update,
    graph::NodeId,
    metric_definitions as m,
    node::{Kind, Node},
};

/// One visit of a node.
pub(super) struct Visit {
    node: Arc<dyn Node>,
    options: NodeOptions,
    name: String,
    graph: String,
    visit: u64,
    step: u64,
    /// The run itself.
    root: StepContext,
    /// The node's part of it.
    part: StepContext,
    state: State,
    answers: Arc<Answers>,
}

impl Visit {
    pub(super) fn new(run: &Run, id: NodeId, round: &CancellationToken) -> Self {
        let member = &run.graph.inner().nodes[id];
        let name = member.name.clone();
        let token = run.control.enter(&name, round);
        let source = format!("/nodes/{name}");
        Self {
            node: Arc::clone(&member.node),
            options: member.options,
            visit: run.frontier.visits(&name),
            graph: run.graph.name().to_owned(),
            step: run.frontier.steps(),
            part: run.root.part(&name).with_source(source).with_token(token),
            name,
            root: run.root.clone(),
            state: run.state.clone(),
            answers: Arc::clone(&run.answers),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Tries the node as often as its options say.
    pub(super) async fn run(self) -> Result<Update, NodeError> {
        let id = format!("{}-{}", self.name, self.visit);
        let started = StepStarted::new().step_id(id.as_str()).name(self.name.as_str());
        self.part.emit(&started.execution(self.execution(1))).await;
        let begun = Instant::now();
        let outcome = self.tries().await;
        let took = begun.elapsed();
        let labels = [("graph", self.graph.clone()), ("node", self.name.clone())];
        metrics::histogram!(m::NODE_SECONDS, &labels).record(took.as_secs_f64());
        match &outcome {
            Ok(_) => {
                self.part.emit(&StepCompleted::new().step_id(id).duration_ms(crate::millis(took))).await;
            }
            Err(error) => {
                let failed = StepFailed::new().step_id(id).error(error.message());
                self.part.emit(&failed.duration_ms(crate::millis(took))).await;
            }
        }
        outcome
    }

    async fn tries(&self) -> Result<Update, NodeError> {
        let retry = self.options.retry;
        let mut backoff = Backoff::new(retry.first, retry.most);
        let mut attempt = 1;
        loop {
            let error = match self.attempt(attempt).await {
                Ok(update) => return Ok(update),
                Err(error) => error,
            };
            if let Kind::Waiting(question) = &error.kind {
                self.wait(question).await?;
                continue;
            }
            let labels = [("graph", self.graph.clone()), ("node", self.name.clone())];
            metrics::counter!(m::NODE_ERRORS, &labels).increment(1);
            if !error.is_retryable() || attempt >= retry.attempts || self.part.token().is_cancelled() {
                return Err(error);
            }
            let told = StreamError::new(error.message()).retryable(true).attempts(u64::from(attempt));
            self.part.emit(&told.execution(self.execution(attempt))).await;
            self.pause(backoff.next()).await?;
            attempt += 1;
        }
    }

    async fn attempt(&self, attempt: u32) -> Result<Update, NodeError> {
        let ctx = NodeContext {
            step: self.part.clone(),
            state: self.state.clone(),
            node: self.name.clone(),
            visit: self.visit,
            attempt,
            answers: Arc::clone(&self.answers),
            asked: Arc::default(),
        };
        let work = AssertUnwindSafe(self.node.run(ctx)).catch_unwind();
        let outcome = match self.options.timeout {
            None => work.await,
            Some(limit) => match timeout(limit, work).await {
                Ok(outcome) => outcome,
                Err(_) => return Err(NodeError::failed(format!("not done within {limit:?}"))),
            },
        };
        outcome.unwrap_or_else(|panic| Err(NodeError::fatal(format!("panicked: {}", said(&*panic)))))
    }

    /// Waits for the answer to a question.
    async fn wait(&self, question: &InterruptId) -> Result<(), NodeError> {
        let waits = WorkflowSuspended::new().waiting_for(question.0.as_str());
        self.root.emit(&waits.reason(format!("{} asks", self.name))).await;
        tokio::select! {
            answered = self.answers.wait(question) => {
                answered.map_err(|error| NodeError::fatal(format!("no answer can come: {error}")))?;
            }
            () = self.part.token().cancelled() => return Err(NodeError::cancelled()),
        }
        self.root.emit(&WorkflowResumed::new().reason(format!("`{}` was answered", question.0))).await;
        Ok(())
    }

    async fn pause(&self, wait: Duration) -> Result<(), NodeError> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.part.token().cancelled() => Err(NodeError::cancelled()),
        }
    }

    fn execution(&self, attempt: u32) -> Execution {
        Execution {
            workflow: Some(self.graph.clone()),
            step: Some(self.step.to_string()),
            node: Some(self.name.clone()),
            attempt: Some(u64::from(attempt).into()),
        }
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
