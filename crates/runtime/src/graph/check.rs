//! Whether a graph can run.

use std::collections::HashSet;

use super::{END, Inner, NodeId, Problem, START};

/// The longest name of a node, in bytes.
const MAX_NAME: usize = 64;

/// Names that are there twice, and such as cannot be.
pub(super) fn names(names: &[String], problems: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for name in names {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fine = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits);
        if !fine || name == START || name == END {
            problems.push(Problem::BadName { node: name.clone() });
        }
        if !seen.insert(name) {
            problems.push(Problem::DuplicateNode { node: name.clone() });
        }
    }
}

/// Nodes that nothing leads to, and circles that do not end.
pub(super) fn paths(graph: &Inner, problems: &mut Vec<Problem>) {
    if graph.first.is_empty() {
        problems.push(Problem::NoStart);
        return;
    }
    let reached = reached(graph);
    let lost = graph.nodes.iter().enumerate().filter(|(id, _)| !reached.contains(id));
    problems.extend(lost.map(|(_, member)| Problem::Unreachable { node: member.name.clone() }));
    let named = |path: Vec<NodeId>| path.into_iter().map(|id| graph.nodes[id].name.clone()).collect();
    // What is taken always, goes round always.
    if let Some(path) = circle(graph, |_| true, false) {
        problems.push(Problem::Endless { path: named(path) });
    } else if graph.max_steps.is_none()
        && let Some(path) = circle(graph, |id| graph.nodes[id].options.max_visits.is_none(), true)
    {
        problems.push(Problem::Unlimited { path: named(path) });
    }
}

fn reached(graph: &Inner) -> HashSet<NodeId> {
    let mut reached = HashSet::new();
    let mut open: Vec<NodeId> = graph.first.iter().flat_map(super::Edge::targets).collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(next(graph, id, true));
        }
    }
    reached
}

/// Where a node leads, by joins too.
fn next(graph: &Inner, id: NodeId, conditional: bool) -> Vec<NodeId> {
    let edges = graph.nodes[id].edges.iter().filter(|edge| conditional || edge.is_plain());
    let joins = graph.joins.iter().filter(|(from, _)| from.contains(&id)).map(|(_, to)| *to);
    edges.flat_map(super::Edge::targets).chain(joins).collect()
}

/// A circle through nodes of a kind, if there is one: its nodes, the first again at the end.
fn circle(graph: &Inner, kind: impl Fn(NodeId) -> bool, conditional: bool) -> Option<Vec<NodeId>> {
    let mut done = HashSet::new();
    for start in 0..graph.nodes.len() {
        let mut path: Vec<(NodeId, Vec<NodeId>)> = Vec::new();
        if kind(start) && !done.contains(&start) {
            path.push((start, next(graph, start, conditional)));
        }
        while let Some((_, open)) = path.last_mut() {
            let Some(id) = open.pop() else {
                done.extend(path.pop().map(|(id, _)| id));
                continue;
            };
            if let Some(at) = path.iter().position(|(have, _)| *have == id) {
                let round = path[at..].iter().map(|(id, _)| *id);
                return Some(round.chain([id]).collect());
            }
            if kind(id) && !done.contains(&id) {
                path.push((id, next(graph, id, conditional)));
            }
        }
    }
    None
}
