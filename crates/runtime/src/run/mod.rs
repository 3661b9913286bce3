//! One run of a graph, from its first event to its last.

mod answers;
mod broken;
mod checkpoint;
mod control;
mod frontier;
mod lease;
mod lifecycle;
mod load;
mod round;
mod visit;

use std::sync::Arc;

use headwater_bus::Emitter;
use tokio::time::Instant;

pub(crate) use answers::{Answers, InterruptId};
pub(crate) use checkpoint::Checkpoint;
pub(crate) use control::Control;
pub(crate) use frontier::Frontier;
pub(crate) use lease::Lease;
pub(crate) use load::{Loaded, numbers};

use crate::{Graph, RunError, State, StepContext, app::Settings, metric_definitions as m};

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutcome {
    /// Which run it was: the name of its stream.
    pub run: headwater_events::StreamName,
    /// What it knew at the end.
    pub state: State,
    /// How many steps it took, those before a crash among them.
    pub steps: u64,
}

/// A run that is about to work, or works.
pub(crate) struct Run {
    pub(crate) graph: Graph,
    pub(crate) settings: Arc<Settings>,
    /// The run itself: what it emits about its life.
    pub(crate) root: StepContext,
    pub(crate) emitter: Arc<Emitter>,
    pub(crate) state: State,
    pub(crate) frontier: Frontier,
    pub(crate) answers: Arc<Answers>,
    pub(crate) control: Control,
    /// Held while the run works, where its checkpoints are stored.
    pub(crate) lease: Option<Lease>,
    /// What the run was in the middle of when an earlier process was lost; `None` for a new one.
    pub(crate) broken: Option<Vec<headwater_events::Event>>,
}

impl Run {
    /// Works until the end, and says in the stream how it ended.
    pub(crate) async fn execute(mut self) -> Result<RunOutcome, RunError> {
        let begun = Instant::now();
        let graph = self.graph.name().to_owned();
        metrics::counter!(m::RUNS_STARTED, "graph" => graph.clone()).increment(1);
        let guard = self.guard();
        let outcome = match self.begin().await {
            Ok(()) => self.work().await,
            Err(error) => Err(error),
        };
        drop(guard);
        // Whatever a run came to that may be another process's by now, it says nothing more.
        let outcome = if self.is_lost() { Err(self.lost()) } else { outcome };
        let outcome = self.tell_end(outcome, begun.elapsed()).await;
        let told = outcome.as_ref().map_or_else(RunError::code, |_| "completed").to_owned();
        metrics::counter!(m::RUNS_ENDED, "graph" => graph, "outcome" => told).increment(1);
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
        // What was admitted is stored; a broker that is away has had its time.
        if let Err(left) = self.emitter.close(self.settings.drain).await {
            tracing::warn!(run = %self.root.run(), queued = left.queued, "a run ended with events that are not stored");
        }
        outcome
    }

    async fn begin(&mut self) -> Result<(), RunError> {
        match self.broken.take() {
            None => {
                self.tell_start().await;
                let first = self.graph.inner().first.clone();
                self.frontier.begin(&self.graph, &first, &self.state)?;
                self.save().await
            }
            Some(broken) => {
                self.tell_resumed(broken).await;
                Ok(())
            }
        }
    }

    /// Step by step, until nobody is due.
    async fn work(&mut self) -> Result<RunOutcome, RunError> {
        while !self.frontier.is_over() {
            self.may_go_on()?;
            let due = self.frontier.enter(&self.graph)?;
            let updates = self.round(&due).await?;
            let rule = |key: &str| self.graph.reducer(key);
            let changed = self.state.apply(&updates, rule);
            let changed = changed.map_err(|error| RunError::Graph { detail: error.to_string() })?;
            self.tell_state(&changed).await;
            self.frontier.leave(&self.graph, &due, &self.state)?;
            self.save().await?;
        }
        self.frontier.finish(&self.graph)?;
        let run = self.root.run().clone();
        Ok(RunOutcome { run, state: self.state.clone(), steps: self.frontier.steps() })
    }

    fn may_go_on(&self) -> Result<(), RunError> {
        if self.is_lost() {
            return Err(self.lost());
        }
        if self.control.is_cancelled() { Err(self.control.error()) } else { Ok(()) }
    }

    fn is_lost(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_lost)
    }

    fn lost(&self) -> RunError {
        RunError::LeaseLost { run: self.root.run().to_string() }
    }

    /// Stops the nodes when the lease is lost.
    fn guard(&self) -> Option<AbortOnDrop> {
        let lost = self.lease.as_ref()?.lost().clone();
        let control = self.control.clone();
        Some(AbortOnDrop(tokio::spawn(async move {
            lost.cancelled().await;
            control.cancel(Some("the lease is lost".to_owned()));
        })))
    }
}

/// A task that ends with its handle.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
