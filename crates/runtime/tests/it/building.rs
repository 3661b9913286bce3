//! What is wrong with a graph is found when it is built, with the path.

use headwater_runtime::{END, GraphBuilder, NodeOptions, Problem, Reducer, START};

use crate::support::note;

fn graph(nodes: &[&'static str]) -> GraphBuilder {
    nodes.iter().fold(GraphBuilder::new("g"), |graph, name| graph.node(*name, note(name)))
}

fn problems(graph: GraphBuilder) -> Vec<Problem> {
    graph.build().map(|_| Vec::new()).unwrap_or_else(|error| error.problems)
}

fn said(graph: GraphBuilder) -> String {
    graph.build().unwrap_err().to_string()
}

#[test]
fn a_node_that_nothing_leads_to_is_named() {
    let lost = graph(&["a", "b"]).edge(START, "a");
    assert_eq!(problems(lost), [Problem::Unreachable { node: "b".into() }]);
    assert_eq!(problems(graph(&["a"])), [Problem::NoStart]);
}

#[test]
fn edges_from_and_to_nowhere_are_named() {
    let text = said(graph(&["a"]).edge(START, "a").edge("a", "b").edge("c", "a"));
    assert!(text.contains("`a` -> `b`: there is no node `b`"), "{text}");
    assert!(text.contains("an edge from `c`: there is no node `c`"), "{text}");
    let text = said(graph(&["a"]).edge(START, "a").join(["a", "x"], "y"));
    assert!(
        text.contains("the join into `y`: there is no node `y`") && text.contains("no node `x`"),
        "{text}"
    );
}

#[test]
fn circles_that_nothing_ends_are_shown_with_their_path() {
    let endless = graph(&["a", "b", "c"]).edge(START, "a").edge("a", "b").edge("b", "c").edge("c", "b");
    let text = said(endless);
    assert!(
        text.contains("nothing ends the circle b -> c -> b") || text.contains("circle c -> b -> c"),
        "{text}"
    );
    // A limit does not help where there is no way out.
    let endless = graph(&["a"]).edge(START, "a").edge("a", "a").max_steps(10);
    assert_eq!(problems(endless), [Problem::Endless { path: vec!["a".into(), "a".into()] }]);
}

#[test]
fn circles_need_a_limit() {
    let round = || graph(&["a", "b"]).edge(START, "a").edge("a", "b").conditional("b", ["a", END], |_| END);
    let text = said(round());
    assert!(text.contains("the circle a -> b -> a has no limit: set `max_visits`"), "{text}");
    assert!(round().max_steps(9).build().is_ok());
    let limited = GraphBuilder::new("g")
        .node_with("a", NodeOptions::new().max_visits(3), note("a"))
        .node("b", note("b"))
        .edge(START, "a")
        .edge("a", "b")
        .conditional("b", ["a", END], |_| END);
    assert!(limited.build().is_ok());
}

#[test]
fn names_are_there_once_and_can_stand_in_a_subject() {
    let text = said(graph(&["a", "a"]).edge(START, "a"));
    assert!(text.contains("two nodes are called `a`"), "{text}");
    for bad in ["", "a/b", "start", "end", "with space"] {
        let text = said(graph(&[bad]).edge(START, bad));
        assert!(text.contains(&format!("cannot be called `{bad}`")), "{text}");
    }
}

#[test]
fn a_value_has_one_rule() {
    let twice = graph(&["a"]).edge(START, "a").reducer("x", Reducer::Sum).reducer("x", Reducer::Append);
    assert!(said(twice).contains("`x` has two rules, sum and append"));
    let same = graph(&["a"]).edge(START, "a").reducer("x", Reducer::Sum).reducer("x", Reducer::Sum);
    assert!(same.build().is_ok());
}

#[test]
fn edges_that_name_nothing_are_told() {
    let text = said(graph(&["a"]).edge(START, "a").conditional("a", [END], |_| END));
    assert!(text.contains("a conditional edge from `a`: names no node"), "{text}");
    let none: [&str; 0] = [];
    assert!(
        said(graph(&["a"]).edge(START, "a").join(none, "a")).contains("the join into `a`: names no node")
    );
}
