//! What follows a node.

use std::sync::Arc;

use super::{END, NodeId};
use crate::State;

/// Chooses what follows: names among the targets of its edge, [`END`](super::END) or nothing to end the path.
pub(crate) type Choose = dyn Fn(&State) -> Vec<String> + Send + Sync;

/// What follows a node.
#[derive(Clone)]
pub(crate) enum Edge {
    /// Always this one.
    Plain(NodeId),
    /// Some of these, by name. `None` is the end.
    Conditional(Arc<Choose>, Vec<(String, Option<NodeId>)>),
}

impl Edge {
    /// Who is due.
    pub(crate) fn follow(&self, state: &State) -> Result<Vec<NodeId>, String> {
        match self {
            Self::Plain(id) => Ok(vec![*id]),
            Self::Conditional(choose, targets) => {
                let mut due = Vec::new();
                for name in choose(state) {
                    match targets.iter().find(|(target, _)| *target == name) {
                        Some((_, Some(id))) => due.push(*id),
                        Some((_, None)) => {}
                        None if name == END => {}
                        None => return Err(name),
                    }
                }
                Ok(due)
            }
        }
    }

    /// Where it may lead.
    pub(crate) fn targets(&self) -> Vec<NodeId> {
        match self {
            Self::Plain(id) => vec![*id],
            Self::Conditional(_, targets) => targets.iter().filter_map(|(_, id)| *id).collect(),
        }
    }

    pub(crate) const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    pub(crate) fn shape<'a>(&self, name: impl Fn(NodeId) -> &'a String) -> String {
        match self {
            Self::Plain(id) => format!(">{}", name(*id)),
            Self::Conditional(_, targets) => {
                let names: Vec<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
                format!("?{}", names.join("|"))
            }
        }
    }
}
