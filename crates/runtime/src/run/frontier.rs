//! Who is due, and how often everybody has run: what a checkpoint holds beside the state.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    Graph, RunError, State,
    graph::{Edge, NodeId},
};

/// Who is due, and how often everybody has run. Nodes are named, so that a checkpoint can be read by people and by a
/// program that puts its nodes in another order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frontier {
    steps: u64,
    due: BTreeSet<String>,
    visits: BTreeMap<String, u64>,
    /// For each join, by its place in the graph, the nodes that have run since it was due.
    joined: BTreeMap<usize, BTreeSet<String>>,
}

impl Frontier {
    /// Who is due first.
    pub(crate) fn begin(&mut self, graph: &Graph, first: &[Edge], state: &State) -> Result<(), RunError> {
        self.add(graph, "start", first, state)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.due.is_empty()
    }

    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    /// How often a node has begun to run.
    pub(crate) fn visits(&self, node: &str) -> u64 {
        self.visits.get(node).copied().unwrap_or(0)
    }

    /// The names of those who are due.
    pub(crate) fn due(&self) -> impl Iterator<Item = &str> {
        self.due.iter().map(String::as_str)
    }

    /// Begins a step: who is due, in the order of the graph.
    pub(crate) fn enter(&mut self, graph: &Graph) -> Result<Vec<NodeId>, RunError> {
        let inner = graph.inner();
        if let Some(limit) = inner.max_steps.filter(|limit| self.steps >= *limit) {
            return Err(RunError::Limit { what: "the steps of the graph".to_owned(), limit });
        }
        self.steps += 1;
        let mut due = Vec::new();
        for (id, member) in inner.nodes.iter().enumerate() {
            if !self.due.contains(&member.name) {
                continue;
            }
            let visits = self.visits.entry(member.name.clone()).or_insert(0);
            if let Some(limit) = member.options.max_visits.filter(|limit| *visits >= *limit) {
                return Err(RunError::Limit { what: format!("node `{}`", member.name), limit });
            }
            *visits += 1;
            due.push(id);
        }
        Ok(due)
    }

    /// Ends a step: who is due after those who ran.
    pub(crate) fn leave(&mut self, graph: &Graph, ran: &[NodeId], state: &State) -> Result<(), RunError> {
        self.due.clear();
        let inner = graph.inner();
        for id in ran {
            let member = &inner.nodes[*id];
            self.add(graph, &member.name, &member.edges, state)?;
            for (at, (from, _)) in inner.joins.iter().enumerate() {
                if from.contains(id) {
                    self.joined.entry(at).or_default().insert(member.name.clone());
                }
            }
        }
        for (at, (from, to)) in inner.joins.iter().enumerate() {
            if self.joined.get(&at).is_some_and(|have| have.len() == from.len()) {
                self.joined.remove(&at);
                self.due.insert(inner.nodes[*to].name.clone());
            }
        }
        Ok(())
    }

    /// Nobody is due: no join may still wait.
    pub(crate) fn finish(&self, graph: &Graph) -> Result<(), RunError> {
        let inner = graph.inner();
        let Some((at, have)) = self.joined.first_key_value() else { return Ok(()) };
        let Some((from, to)) = inner.joins.get(*at) else { return Ok(()) };
        let names = from.iter().map(|id| &inner.nodes[*id].name);
        let missing: Vec<&str> = names.filter(|name| !have.contains(*name)).map(String::as_str).collect();
        let detail = format!(
            "the join into `{}` waits for {}, which did not run",
            inner.nodes[*to].name,
            missing.join(", ")
        );
        Err(RunError::Graph { detail })
    }

    fn add(&mut self, graph: &Graph, from: &str, edges: &[Edge], state: &State) -> Result<(), RunError> {
        for edge in edges {
            let due = edge.follow(state).map_err(|name| RunError::Graph {
                detail: format!("the edge from `{from}` chose `{name}`, which is not among its targets"),
            })?;
            self.due.extend(due.into_iter().map(|id| graph.inner().nodes[id].name.clone()));
        }
        Ok(())
    }
}
