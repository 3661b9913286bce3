//! What can be wrong with a graph.

use std::fmt;

/// A graph cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct GraphError {
    /// Everything that is wrong, at least one thing.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Two nodes have one name.
    DuplicateNode {
        /// The name.
        node: String,
    },
    /// A node has a name that it cannot have: it stands in subjects.
    BadName {
        /// The name.
        node: String,
    },
    /// An edge begins or ends at a node that is not there.
    UnknownNode {
        /// The edge.
        edge: String,
        /// The name that is not there.
        node: String,
    },
    /// No edge leads from `start` anywhere.
    NoStart,
    /// No path leads from `start` to a node.
    Unreachable {
        /// The node.
        node: String,
    },
    /// A circle that nothing ends: each of its edges is always taken.
    Endless {
        /// The nodes on it, the first again at the end.
        path: Vec<String>,
    },
    /// A circle without a limit: no node on it may run only so often, and the graph has no limit of steps.
    Unlimited {
        /// The nodes on it, the first again at the end.
        path: Vec<String>,
    },
    /// A value has two rules.
    ReducerConflict {
        /// Its key.
        key: String,
        /// The rules.
        rules: (String, String),
    },
    /// A conditional edge or a join that has nothing to choose from or to wait for.
    Empty {
        /// The edge.
        edge: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateNode { node } => write!(f, "two nodes are called `{node}`"),
            Self::BadName { node } => write!(
                f,
                "a node cannot be called `{node}`: use 1 to 64 of A-Z a-z 0-9 . _ - and neither `start` nor `end`"
            ),
            Self::UnknownNode { edge, node } => write!(f, "{edge}: there is no node `{node}`"),
            Self::NoStart => f.write_str("no edge leads from `start`"),
            Self::Unreachable { node } => write!(f, "no path leads from `start` to `{node}`"),
            Self::Endless { path } => write!(f, "nothing ends the circle {}", path.join(" -> ")),
            Self::Unlimited { path } => write!(
                f,
                "the circle {} has no limit: set `max_visits` of a node on it, or `max_steps` of the graph",
                path.join(" -> ")
            ),
            Self::ReducerConflict { key, rules: (one, other) } => {
                write!(f, "`{key}` has two rules, {one} and {other}")
            }
            Self::Empty { edge } => write!(f, "{edge}: names no node"),
        }
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the graph cannot run: ")?;
        for (n, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if n > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}
