//! Stopping a run, or a node of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::RunError;

/// Stops a run, or a node of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Control {
    cancel: CancellationToken,
    abort: CancellationToken,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    reason: Option<String>,
    /// The nodes that run, by name.
    nodes: HashMap<String, CancellationToken>,
}

impl Control {
    /// Asks every node to stop.
    pub(crate) fn cancel(&self, reason: Option<String>) {
        let mut inner = self.lock();
        if inner.reason.is_none() {
            inner.reason = reason;
        }
        drop(inner);
        self.cancel.cancel();
    }

    /// Drops every node where it is.
    pub(crate) fn abort(&self) {
        self.cancel(Some("aborted".to_owned()));
        self.abort.cancel();
    }

    /// Asks a node to stop. Gives whether it runs.
    pub(crate) fn cancel_node(&self, node: &str) -> bool {
        let token = self.lock().nodes.get(node).cloned();
        token.inspect(CancellationToken::cancel).is_some()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.cancel
    }

    pub(crate) fn aborted(&self) -> &CancellationToken {
        &self.abort
    }

    /// The token of a node that begins to run.
    pub(crate) fn enter(&self, node: &str, round: &CancellationToken) -> CancellationToken {
        let token = round.child_token();
        self.lock().nodes.insert(node.to_owned(), token.clone());
        token
    }

    pub(crate) fn leave(&self, node: &str) {
        self.lock().nodes.remove(node);
    }

    pub(crate) fn error(&self) -> RunError {
        RunError::Cancelled { reason: self.lock().reason.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under this lock can panic half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
