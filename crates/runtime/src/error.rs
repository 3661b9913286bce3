//! Why a run did not come to a good end.

use headwater_bus::EmitterError;

/// Why a run did not come to a good end, or did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A node failed for good: look at its error.
    #[error("node `{node}` failed: {message}")]
    Node {
        /// Which node.
        node: String,
        /// What went wrong.
        message: String,
    },
    /// The run was cancelled or aborted.
    #[error("the run was cancelled{}", reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default())]
    Cancelled {
        /// Why, where it was said.
        reason: Option<String>,
    },
    /// The graph or the limit must change: the run went round too often.
    #[error("{what} may run {limit} times and was due once more")]
    Limit {
        /// A node, or the steps of the graph.
        what: String,
        /// How often.
        limit: u64,
    },
    /// The graph must change: an edge named a node that is not among its targets, a join waits for a node that did not
    /// run, or changes of a value do not fit its rule.
    #[error("{detail}")]
    Graph {
        /// What is wrong.
        detail: String,
    },
    /// Keep less in the state, or claim checks instead of values: a checkpoint does not fit into an event.
    #[error("the state has {bytes} bytes, and {limit} fit into a checkpoint: keep large values elsewhere")]
    StateTooLarge {
        /// How large it is as JSON.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// Leave the run alone: another process works on it.
    #[error("another process works on the run `{run}`")]
    Leased {
        /// Which run.
        run: String,
    },
    /// Leave the run alone: this process was not heard of for too long, and another one may have taken it over.
    #[error("the lease of the run `{run}` is lost")]
    LeaseLost {
        /// Which run.
        run: String,
    },
    /// Nothing to be done: the run has ended.
    #[error("the run `{run}` has ended")]
    Ended {
        /// Which run.
        run: String,
    },
    /// Name another run: there is none of this name that a graph could go on with.
    #[error("there is no run `{run}` to go on with: {detail}")]
    NotFound {
        /// Which run.
        run: String,
        /// What is missing.
        detail: String,
    },
    /// Resume with the graph that the run was started with.
    #[error("the run `{run}` belongs to another shape of graph: {detail}")]
    GraphChanged {
        /// Which run.
        run: String,
        /// What differs.
        detail: String,
    },
    /// The end of the run could not be stored.
    #[error("the run's events could not be stored: {0}")]
    Emit(#[from] EmitterError),
    /// The bus's answer.
    #[error(transparent)]
    Bus(#[from] headwater_bus::Error),
    /// The broker's answer.
    #[error(transparent)]
    Broker(#[from] headwater_broker::Error),
    /// The run's task ended early, or was joined already.
    #[error("{0}")]
    Join(String),
}

impl RunError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Node { .. } => "node-failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Limit { .. } => "limit-reached",
            Self::Graph { .. } => "bad-graph",
            Self::StateTooLarge { .. } => "state-too-large",
            Self::Leased { .. } => "leased",
            Self::LeaseLost { .. } => "lease-lost",
            Self::Ended { .. } => "run-ended",
            Self::NotFound { .. } => "run-not-found",
            Self::GraphChanged { .. } => "graph-changed",
            Self::Emit(error) => error.code(),
            Self::Bus(error) => error.code(),
            Self::Broker(error) => error.code(),
            Self::Join(_) => "no-outcome",
        }
    }
}

impl From<headwater_store::Error> for RunError {
    fn from(error: headwater_store::Error) -> Self {
        Self::Broker(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ModelErrorKind;

    #[test]
    fn every_code_has_a_page() {
        let (run, detail) = (String::new, String::new);
        let runs = [
            RunError::Node { node: run(), message: detail() },
            RunError::Cancelled { reason: None },
            RunError::Limit { what: detail(), limit: 1 },
            RunError::Graph { detail: detail() },
            RunError::StateTooLarge { bytes: 2, limit: 1 },
            RunError::Leased { run: run() },
            RunError::LeaseLost { run: run() },
            RunError::Ended { run: run() },
            RunError::NotFound { run: run(), detail: detail() },
            RunError::GraphChanged { run: run(), detail: detail() },
            RunError::Join(detail()),
        ];
        let codes = runs.iter().map(RunError::code);
        let codes = codes.chain(ModelErrorKind::ALL.map(ModelErrorKind::code));
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        for code in codes {
            let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).expect(code);
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        }
    }
}
