//! Any graph and any interleaving give a run that keeps the rules, and no number is missing.

use std::time::Duration;

use headwater_runtime::{
    END, GraphBuilder, NodeContext, NodeError, NodeOptions, Reducer, RunError, START, State, Update,
};
use proptest::prelude::*;

use crate::support::{assert_sound, config, events, strict};

/// What a node does: how long it takes, how often it fails before it works, what it emits.
#[derive(Debug, Clone)]
struct Does {
    wait_ms: u64,
    failures: u32,
    messages: usize,
    /// Which earlier nodes lead to it; none: the run begins there.
    after: Vec<usize>,
    /// Waits for all of them.
    joins: bool,
}

fn does(at: usize) -> impl Strategy<Value = Does> {
    let after = prop::collection::vec(0..at.max(1), 0..=3).prop_map(move |mut after| {
        after.sort_unstable();
        after.dedup();
        if at == 0 { Vec::new() } else { after }
    });
    (0u64..6, 0u32..4, 0usize..5, after, any::<bool>()).prop_map(
        |(wait_ms, failures, messages, after, joins)| Does { wait_ms, failures, messages, after, joins },
    )
}

fn graphs() -> impl Strategy<Value = Vec<Does>> {
    (1usize..9).prop_flat_map(|nodes| (0..nodes).map(does).collect::<Vec<_>>())
}

fn build(nodes: &[Does], attempts: u32) -> GraphBuilder {
    let mut graph = GraphBuilder::new("any").reducer("ran", Reducer::Append).max_steps(100);
    let name = |at: usize| format!("n{at}");
    for (at, does) in nodes.iter().enumerate() {
        let options =
            NodeOptions::new().attempts(attempts).backoff(Duration::from_millis(1), Duration::from_millis(2));
        let work = does.clone();
        graph = graph.node_with(name(at), options, move |ctx: NodeContext| {
            let work = work.clone();
            async move {
                for n in 0..work.messages {
                    ctx.message(n.to_string()).await;
                    ctx.part("inner").progress(0.5, "on").await;
                }
                tokio::time::sleep(Duration::from_millis(work.wait_ms)).await;
                if ctx.attempt() <= work.failures {
                    return Err(NodeError::failed("not yet"));
                }
                Ok(Update::new().set("ran", ctx.node()))
            }
        });
        graph = match (does.after.is_empty(), does.joins) {
            (true, _) => graph.edge(START, name(at)),
            (false, true) => graph.join(does.after.iter().map(|from| name(*from)), name(at)),
            (false, false) => does.after.iter().fold(graph, |graph, from| graph.edge(name(*from), name(at))),
        };
    }
    graph.edge(name(0), END)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_graph_gives_a_run_that_keeps_the_rules(nodes in graphs(), attempts in 1u32..5, cancel in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let app = build(&nodes, attempts).with_runtime_config(config(strict().await)).unwrap();
            let mut handle = app.start(None, State::new()).await.unwrap();
            if cancel && nodes.len() > 2 {
                handle.cancel("at random");
            }
            let outcome = handle.join().await;
            let events = events(&app, handle.run()).await;
            assert_sound(&events);
            if let Ok(outcome) = outcome {
                let ran = outcome.state.read::<Vec<String>>("ran").unwrap().unwrap();
                for at in 0..nodes.len() {
                    assert!(ran.contains(&format!("n{at}")), "n{at} never ran: {ran:?}");
                }
            }
        });
    }

    /// The same graph comes to the same every time: to the same state, or to a join that waits for nobody.
    #[test]
    fn a_run_is_the_same_every_time(nodes in graphs()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut outcomes = Vec::new();
            for _ in 0..2 {
                let app = build(&nodes, 9).with_runtime_config(config(strict().await)).unwrap();
                let mut handle = app.start(None, State::new()).await.unwrap();
                let outcome = handle.join().await;
                assert_sound(&events(&app, handle.run()).await);
                outcomes.push(match outcome {
                    Ok(outcome) => Ok(outcome.state.to_value()),
                    Err(RunError::Graph { detail }) => Err(detail),
                    Err(error) => panic!("{error}"),
                });
            }
            assert_eq!(outcomes[0], outcomes[1]);
        });
    }
}
