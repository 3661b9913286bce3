//! Putting a graph together.

use std::{collections::BTreeMap, sync::Arc};

use super::{END, Edge, Graph, GraphError, Inner, Member, NodeId, Problem, START, check};
use crate::{App, Node, NodeOptions, RuntimeConfig, State, state::Reducer};

/// Puts a graph together. [`GraphBuilder::build`] checks it as a whole and says everything that is wrong.
///
/// ```
/// use headwater_runtime::{END, GraphBuilder, NodeContext, START, State, Update};
/// let graph = GraphBuilder::new("greeter")
///     .node("greet", async |ctx: NodeContext| {
///         Ok(Update::new().set("greeting", format!("Hello, {}", ctx.state().text("name"))))
///     })
///     .edge(START, "greet")
///     .edge("greet", END)
///     .build()
///     .unwrap();
/// assert_eq!(graph.nodes().collect::<Vec<_>>(), ["greet"]);
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct GraphBuilder {
    name: String,
    nodes: Vec<(String, Arc<dyn Node>, NodeOptions)>,
    edges: Vec<Drawn>,
    joins: Vec<(Vec<String>, String)>,
    reducers: Vec<(String, Reducer)>,
    max_steps: Option<u64>,
}

enum Drawn {
    Plain(String, String),
    Conditional(String, Arc<super::edge::Choose>, Vec<String>),
}

impl GraphBuilder {
    /// A graph without nodes.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            nodes: Vec::new(),
            edges: Vec::new(),
            joins: Vec::new(),
            reducers: Vec::new(),
            max_steps: None,
        }
    }

    /// Adds a node: anything that is a [`Node`], an async function of a [`NodeContext`](crate::NodeContext) among them.
    pub fn node(self, name: impl Into<String>, node: impl Node) -> Self {
        self.node_with(name, NodeOptions::default(), node)
    }

    /// Adds a node with retries, a timeout, or a limit.
    pub fn node_with(mut self, name: impl Into<String>, options: NodeOptions, node: impl Node) -> Self {
        self.nodes.push((name.into(), Arc::new(node), options));
        self
    }

    /// After `from` comes `to`, always. Several edges from one node fan out. [`START`] is where a run begins; [`END`], or
    /// no edge at all, ends the path.
    pub fn edge(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.edges.push(Drawn::Plain(from.into(), to.into()));
        self
    }

    /// After `from` come those of `targets` that `choose` names; [`END`], or none, ends the path.
    pub fn conditional<N: Into<String>>(
        mut self,
        from: impl Into<String>,
        targets: impl IntoIterator<Item = N>,
        choose: impl Fn(&State) -> N + Send + Sync + 'static,
    ) -> Self {
        let targets = targets.into_iter().map(Into::into).collect();
        let choose = move |state: &State| vec![choose(state).into()];
        self.edges.push(Drawn::Conditional(from.into(), Arc::new(choose), targets));
        self
    }

    /// As [`GraphBuilder::conditional`], for several at once.
    pub fn conditional_many<N: Into<String>>(
        mut self,
        from: impl Into<String>,
        targets: impl IntoIterator<Item = N>,
        choose: impl Fn(&State) -> Vec<N> + Send + Sync + 'static,
    ) -> Self {
        let targets = targets.into_iter().map(Into::into).collect();
        let choose = move |state: &State| choose(state).into_iter().map(Into::into).collect();
        self.edges.push(Drawn::Conditional(from.into(), Arc::new(choose), targets));
        self
    }

    /// `to` comes once all of `from` have run, and again once all of them have run again.
    pub fn join<N: Into<String>>(mut self, from: impl IntoIterator<Item = N>, to: impl Into<String>) -> Self {
        self.joins.push((from.into_iter().map(Into::into).collect(), to.into()));
        self
    }

    /// How changes of a value come together. Values without a rule are replaced.
    pub fn reducer(mut self, key: impl Into<String>, reducer: Reducer) -> Self {
        self.reducers.push((key.into(), reducer));
        self
    }

    /// A run fails that takes more steps than this.
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.max_steps = Some(steps);
        self
    }

    /// Checks the graph and makes it.
    ///
    /// # Errors
    /// Everything that is wrong, circles with their path.
    pub fn build(self) -> Result<Graph, GraphError> {
        let mut problems = Vec::new();
        let reducers = reducers(&self.reducers, &mut problems);
        let names: Vec<String> = self.nodes.iter().map(|(name, ..)| name.clone()).collect();
        check::names(&names, &mut problems);
        let mut members: Vec<Member> = self
            .nodes
            .into_iter()
            .map(|(name, node, options)| Member { name, node, options, edges: Vec::new() })
            .collect();
        let find = |name: &str| names.iter().position(|have| have == name);
        let mut first = Vec::new();
        for drawn in self.edges {
            let (from, edge) = drawn.resolve(find, &mut problems);
            match (from.as_str(), edge) {
                (_, None) => {}
                (START, Some(edge)) => first.push(edge),
                (name, Some(edge)) => match find(name) {
                    Some(id) => members[id].edges.push(edge),
                    None => problems.push(Problem::UnknownNode {
                        edge: format!("an edge from `{name}`"),
                        node: from.clone(),
                    }),
                },
            }
        }
        let joins = joins(self.joins, find, &mut problems);
        let inner =
            Inner { name: self.name, nodes: members, first, joins, reducers, max_steps: self.max_steps };
        // What follows would say the same again of an edge that leads nowhere.
        if problems.is_empty() {
            check::paths(&inner, &mut problems);
        }
        if problems.is_empty() { Ok(Graph(Arc::new(inner))) } else { Err(GraphError { problems }) }
    }

    /// Builds the graph and an app around it.
    ///
    /// # Errors
    /// As [`GraphBuilder::build`].
    pub fn with_runtime_config(self, config: RuntimeConfig) -> Result<App, GraphError> {
        Ok(App::new(self.build()?, config))
    }
}

impl std::fmt::Debug for GraphBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drawn {
    /// From where, and the edge where it leads anywhere.
    fn resolve(
        self,
        find: impl Fn(&str) -> Option<NodeId>,
        problems: &mut Vec<Problem>,
    ) -> (String, Option<Edge>) {
        match self {
            Self::Plain(from, to) if to == END => (from, None),
            Self::Plain(from, to) => {
                let id = find(&to);
                if id.is_none() {
                    problems.push(Problem::UnknownNode { edge: format!("`{from}` -> `{to}`"), node: to });
                }
                (from, id.map(Edge::Plain))
            }
            Self::Conditional(from, choose, targets) => {
                let edge = format!("a conditional edge from `{from}`");
                if targets.iter().all(|target| target == END) {
                    problems.push(Problem::Empty { edge: edge.clone() });
                }
                let mut known = Vec::new();
                for target in targets {
                    let id = find(&target);
                    if id.is_none() && target != END {
                        problems.push(Problem::UnknownNode { edge: edge.clone(), node: target.clone() });
                    }
                    known.push((target, id));
                }
                (from, Some(Edge::Conditional(choose, known)))
            }
        }
    }
}

fn reducers(given: &[(String, Reducer)], problems: &mut Vec<Problem>) -> BTreeMap<String, Reducer> {
    let mut reducers = BTreeMap::new();
    for (key, reducer) in given {
        if let Some(other) = reducers.insert(key.clone(), *reducer)
            && other != *reducer
        {
            let rules = (other.name().to_owned(), reducer.name().to_owned());
            problems.push(Problem::ReducerConflict { key: key.clone(), rules });
        }
    }
    reducers
}

fn joins(
    drawn: Vec<(Vec<String>, String)>,
    find: impl Fn(&str) -> Option<NodeId>,
    problems: &mut Vec<Problem>,
) -> Vec<(Vec<NodeId>, NodeId)> {
    let mut joins = Vec::new();
    for (from, to) in drawn {
        let edge = format!("the join into `{to}`");
        if from.is_empty() {
            problems.push(Problem::Empty { edge: edge.clone() });
        }
        let mut known = |name: &String| {
            let id = find(name);
            if id.is_none() {
                problems.push(Problem::UnknownNode { edge: edge.clone(), node: name.clone() });
            }
            id
        };
        let to_id = known(&to);
        let mut from: Vec<NodeId> = from.iter().filter_map(&mut known).collect();
        from.sort_unstable();
        from.dedup();
        joins.extend(to_id.map(|to| (from, to)));
    }
    joins
}
