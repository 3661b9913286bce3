//! Graphs of nodes.
//!
//! A run goes in steps. In each, every node that is due runs, all at once, on the state as it is; then their changes come
//! together and the edges say who is due next. A node with several plain edges into it is due once in a step, and again
//! whenever one of those before it has run; [`GraphBuilder::join`] waits for all of them.

mod builder;
mod check;
mod edge;
mod problem;

use std::{
    collections::BTreeMap,
    fmt,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

pub use builder::GraphBuilder;
pub(crate) use edge::Edge;
pub use problem::{GraphError, Problem};

use crate::{Node, NodeOptions, state::Reducer};

/// Where a run begins: the source of the first edges.
pub const START: &str = "start";
/// Where a path ends.
pub const END: &str = "end";

/// A node by its place in the graph.
pub(crate) type NodeId = usize;

/// A graph that was checked. Cloning copies a pointer.
#[derive(Clone)]
pub struct Graph(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) nodes: Vec<Member>,
    pub(crate) first: Vec<Edge>,
    /// From which nodes, all of them, to which.
    pub(crate) joins: Vec<(Vec<NodeId>, NodeId)>,
    pub(crate) reducers: BTreeMap<String, Reducer>,
    pub(crate) max_steps: Option<u64>,
}

/// A node in its graph.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) node: Arc<dyn Node>,
    pub(crate) options: NodeOptions,
    pub(crate) edges: Vec<Edge>,
}

impl Graph {
    /// Starts a graph.
    pub fn builder(name: impl Into<String>) -> GraphBuilder {
        GraphBuilder::new(name)
    }

    /// What the graph is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The nodes, in the order in which they were named.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.0.nodes.iter().map(|member| member.name.as_str())
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// The rule of a key.
    pub(crate) fn reducer(&self, key: &str) -> Reducer {
        self.0.reducers.get(key).copied().unwrap_or_default()
    }

    /// A number that is another one when the shape of the graph is another one: a run goes on only in a graph of its shape.
    pub(crate) fn shape(&self) -> String {
        let shape = |edge: &Edge| edge.shape(|id| &self.0.nodes[id].name);
        let mut text: String = self.0.first.iter().map(shape).collect();
        for member in &self.0.nodes {
            text.push(';');
            text.push_str(&member.name);
            text.extend(member.edges.iter().map(shape));
        }
        text.push_str(&format!("{:?}", self.0.joins));
        // Keys are fixed, so that another process gets the same number.
        format!("{:016x}", BuildHasherDefault::<DefaultHasher>::default().hash_one(text))
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("name", &self.0.name).field("nodes", &self.0.nodes.len()).finish()
    }
}
