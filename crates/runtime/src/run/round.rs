//! One step: everybody who is due, at once.

use std::sync::Arc;

use tokio::{sync::Semaphore, task::JoinSet};

use super::{Run, visit::Visit};
use crate::{NodeError, RunError, Update, graph::NodeId, node::Kind};

/// What became of a visit.
type Done = (usize, Result<Update, NodeError>);

impl Run {
    /// Runs those who are due and gives their changes, in the order of the graph.
    pub(super) async fn round(&self, due: &[NodeId]) -> Result<Vec<Update>, RunError> {
        let round = self.control.token().child_token();
        // Most steps have one node: it needs no task of its own.
        if let [id] = due {
            return self.alone(Visit::new(self, *id, &round)).await;
        }
        let visits = due.iter().map(|id| Visit::new(self, *id, &round)).collect::<Vec<_>>();
        let names: Vec<String> = visits.iter().map(|visit| visit.name().to_owned()).collect();
        let seats = Arc::new(Semaphore::new(self.settings.concurrency));
        let mut tasks: JoinSet<Done> = JoinSet::new();
        for (at, visit) in visits.into_iter().enumerate() {
            let seats = Arc::clone(&seats);
            tasks.spawn(async move {
                // The semaphore is never closed.
                let _seat = seats.acquire_owned().await;
                (at, visit.run().await)
            });
        }
        let mut done: Vec<Option<Result<Update, NodeError>>> = names.iter().map(|_| None).collect();
        let mut failed = false;
        while let Some(finished) = self.next(&mut tasks, failed).await {
            if let Ok((at, outcome)) = finished {
                // One that failed takes the others with it: they are asked to stop.
                if outcome.is_err() {
                    failed = true;
                    round.cancel();
                }
                done[at] = Some(outcome);
            }
        }
        tasks.shutdown().await;
        for name in &names {
            self.control.leave(name);
        }
        self.gather(&names, done)
    }

    async fn alone(&self, visit: Visit) -> Result<Vec<Update>, RunError> {
        let node = visit.name().to_owned();
        let done = tokio::select! {
            done = visit.run() => done,
            () = self.control.aborted().cancelled() => Err(NodeError::cancelled()),
            () = self.patience() => Err(NodeError::cancelled()),
        };
        self.control.leave(&node);
        done.map(|update| vec![update]).map_err(|error| self.failed(&node, &error))
    }

    /// The next visit that is over; `None` when all are, or no more time is given.
    async fn next(
        &self,
        tasks: &mut JoinSet<Done>,
        failed: bool,
    ) -> Option<Result<Done, tokio::task::JoinError>> {
        tokio::select! {
            next = tasks.join_next() => next,
            () = self.control.aborted().cancelled() => None,
            () = self.patience() => None,
            () = tokio::time::sleep(self.settings.cancel_grace), if failed => None,
        }
    }

    /// Over when nodes have had their time to stop after the run was cancelled.
    async fn patience(&self) {
        self.control.token().cancelled().await;
        tokio::time::sleep(self.settings.cancel_grace).await;
    }

    fn gather(
        &self,
        names: &[String],
        done: Vec<Option<Result<Update, NodeError>>>,
    ) -> Result<Vec<Update>, RunError> {
        // The failure that comes first in the graph, before those that only followed from it.
        let mut cancelled = None;
        let mut updates = Vec::with_capacity(names.len());
        for (name, outcome) in names.iter().zip(done) {
            match outcome.unwrap_or_else(|| Err(NodeError::cancelled())) {
                Ok(update) => updates.push(update),
                Err(error) if error.kind == Kind::Cancelled => {
                    cancelled.get_or_insert_with(|| self.failed(name, &error));
                }
                Err(error) => return Err(self.failed(name, &error)),
            }
        }
        cancelled.map_or(Ok(updates), Err)
    }

    fn failed(&self, node: &str, error: &NodeError) -> RunError {
        if self.control.is_cancelled() {
            return self.control.error();
        }
        RunError::Node { node: node.to_owned(), message: error.message().to_owned() }
    }
}
