//! Runs from their first event to their last.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use headwater_broker::Item;
use headwater_bus::{SinkConfig, sinks::MemorySink};
use headwater_events::catalogue::{StreamError, WorkflowFailed};
use headwater_runtime::{
    END, GraphBuilder, NodeContext, NodeError, NodeOptions, Reducer, RunError, RuntimeConfig, START, State,
    Update,
};
use serde_json::json;

use crate::support::{app, assert_sound, events, note, of_type, types};

/// a, then b and c at once, then d when both are done.
fn diamond() -> GraphBuilder {
    ["a", "b", "c", "d"]
        .into_iter()
        .fold(GraphBuilder::new("diamond"), |graph, name| graph.node(name, note(name)))
        .edge(START, "a")
        .edge("a", "b")
        .edge("a", "c")
        .join(["b", "c"], "d")
        .edge("d", END)
        .reducer("ran", Reducer::Append)
}

#[tokio::test]
async fn a_run_without_a_single_emit_is_fully_visible() {
    let app = app(diamond()).await;
    let outcome = app.invoke(State::new().with("who", "Ada")).await.unwrap();
    assert_eq!(outcome.state.get("ran").unwrap(), &json!(["a", "b", "c", "d"]));
    assert_eq!(outcome.steps, 3);
    let events = events(&app, &outcome.run).await;
    assert_sound(&events);
    let shown = types(&events);
    assert_eq!(shown.first(), Some(&"workflow.started.v1"));
    assert_eq!(shown.last(), Some(&"workflow.completed.v1"));
    assert_eq!(of_type(&events, "step.started.v1").len(), 4);
    assert_eq!(of_type(&events, "step.completed.v1").len(), 4);
    assert_eq!(of_type(&events, "state.delta.v1").len(), 3);
    assert!(!shown.contains(&"checkpoint.saved.v1"), "readers do not see it");
    let step = of_type(&events, "step.started.v1")[1];
    assert_eq!(step.subject(), Some(format!("{}/b", outcome.run).as_str()));
    assert_eq!(step.source(), "/nodes/b");
}

#[tokio::test]
async fn the_state_is_the_same_however_nodes_race() {
    let slow_first = |name: &'static str, wait: u64| {
        move |_: NodeContext| async move {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            Ok::<_, NodeError>(Update::new().set("ran", name).set("last", name))
        }
    };
    for waits in [[20, 0], [0, 20]] {
        let graph = GraphBuilder::new("race")
            .node("one", slow_first("one", waits[0]))
            .node("two", slow_first("two", waits[1]))
            .edge(START, "one")
            .edge(START, "two")
            .reducer("ran", Reducer::Append);
        let outcome = app(graph).await.invoke(State::new()).await.unwrap();
        assert_eq!(outcome.state.to_value(), json!({ "ran": ["one", "two"], "last": "two" }));
    }
}

#[tokio::test]
async fn conditional_edges_go_round_until_they_say_so_and_never_beyond_the_limit() {
    let graph = |enough: i64| {
        GraphBuilder::new("loop")
            .node_with("count", NodeOptions::new().max_visits(5), async |_: NodeContext| {
                Ok(Update::new().set("n", 1))
            })
            .edge(START, "count")
            .conditional("count", ["count", END], move |state: &State| {
                if state.get("n").and_then(serde_json::Value::as_i64) < Some(enough) { "count" } else { END }
            })
            .reducer("n", Reducer::Sum)
    };
    let outcome = app(graph(4)).await.invoke(State::new()).await.unwrap();
    assert_eq!((outcome.state.get("n").unwrap(), outcome.steps), (&json!(4), 4));
    let error = app(graph(100)).await.invoke(State::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "node `count` may run 5 times and was due once more");
}

#[tokio::test]
async fn a_node_is_tried_again_and_every_try_is_told() {
    let tries = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&tries);
    let options = NodeOptions::new().attempts(3).backoff(Duration::from_millis(1), Duration::from_millis(2));
    let graph = GraphBuilder::new("retry")
        .node_with("flaky", options, move |ctx: NodeContext| {
            let seen = Arc::clone(&seen);
            async move {
                let n = seen.fetch_add(1, Ordering::SeqCst) + 1;
                assert_eq!((ctx.attempt(), ctx.key()), (n, format!("{}/flaky/1", ctx.run())));
                std::fs::read(if n < 3 { "/nowhere" } else { "/dev/null" })?;
                Ok(Update::new())
            }
        })
        .edge(START, "flaky");
    let app = app(graph).await;
    let outcome = app.invoke(State::new()).await.unwrap();
    let events = events(&app, &outcome.run).await;
    assert_sound(&events);
    let errors: Vec<StreamError> =
        of_type(&events, "error.v1").iter().map(|event| event.data_as().unwrap()).collect();
    assert_eq!(errors.len(), 2);
    assert!(errors[0].message.contains("No such file"), "{}", errors[0].message);
    assert_eq!(tries.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_fails_for_good_fails_the_run_with_its_reason() {
    type Fail = fn() -> Result<Update, NodeError>;
    let cases: [(&str, NodeOptions, Fail); 3] = [
        ("no use", NodeOptions::new().attempts(5), || Err(NodeError::fatal("no use"))),
        ("panicked: told to", NodeOptions::new(), || panic!("told to")),
        ("not yet", NodeOptions::new(), || Err(NodeError::failed("not yet"))),
    ];
    for (why, options, fail) in cases {
        let graph = GraphBuilder::new("bad")
            .node_with("bad", options, move |_: NodeContext| async move { fail() })
            .node("never", note("never"))
            .edge(START, "bad")
            .edge("bad", "never");
        let app = app(graph).await;
        let mut handle = app.start(None, State::new()).await.unwrap();
        let run = handle.run().clone();
        let error = handle.join().await.unwrap_err();
        assert_eq!(error.to_string(), format!("node `bad` failed: {why}"));
        let events = events(&app, &run).await;
        assert_sound(&events);
        let failed: WorkflowFailed = events.last().unwrap().data_as().unwrap();
        assert_eq!(failed.error.unwrap().message(), error.to_string());
        assert!(of_type(&events, "step.started.v1").len() == 1, "and nothing comes after it");
    }
}

#[tokio::test]
async fn a_try_has_its_time() {
    let options = NodeOptions::new().timeout(Duration::from_millis(20));
    let graph = GraphBuilder::new("slow")
        .node_with("slow", options, async |_: NodeContext| std::future::pending().await)
        .edge(START, "slow");
    let error = app(graph).await.invoke(State::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "node `slow` failed: not done within 20ms");
}

#[tokio::test]
async fn one_that_fails_stops_the_others_of_its_step() {
    let graph = GraphBuilder::new("two")
        .node("waits", async |ctx: NodeContext| {
            ctx.token().cancelled().await;
            Err(NodeError::cancelled())
        })
        .node("fails", async |_: NodeContext| Err(NodeError::fatal("it broke")))
        .edge(START, "waits")
        .edge(START, "fails");
    let error = app(graph).await.invoke(State::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "node `fails` failed: it broke", "the cause, not what followed from it");
}

#[tokio::test]
async fn edges_and_joins_that_cannot_be_followed_are_told() {
    let graph = GraphBuilder::new("stray")
        .node("a", note("a"))
        .node("b", note("b"))
        .edge(START, "a")
        .conditional("a", ["b"], |_| "c");
    let error = app(graph).await.invoke(State::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "the edge from `a` chose `c`, which is not among its targets");
    let graph = GraphBuilder::new("starved")
        .node("a", note("a"))
        .node("b", note("b"))
        .node("c", note("c"))
        .edge(START, "a")
        .conditional("a", ["b", END], |_| END)
        .join(["a", "b"], "c");
    let error = app(graph).await.invoke(State::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "the join into `c` waits for b, which did not run");
}

#[tokio::test]
async fn a_state_that_no_checkpoint_holds_is_a_clear_error() {
    let graph = GraphBuilder::new("large")
        .node("grow", async |_: NodeContext| Ok(Update::new().set("big", "x".repeat(300_000))))
        .edge(START, "grow");
    let app = app(graph).await;
    let error = app.invoke(State::new()).await.unwrap_err();
    assert_eq!(error.code(), "state-too-large");
    assert!(error.to_string().contains("keep large values elsewhere"), "{error}");
}

#[tokio::test]
async fn a_value_that_no_event_holds_is_named_where_nothing_is_kept() {
    let graph = GraphBuilder::new("large")
        .node("grow", async |_: NodeContext| {
            Ok(Update::new().set("big", "x".repeat(300_000)).set("small", 1))
        })
        .edge(START, "grow");
    let app = graph.with_runtime_config(RuntimeConfig::silent()).unwrap();
    let outcome = app.invoke(State::new()).await.unwrap();
    let events = events(&app, &outcome.run).await;
    assert_sound(&events);
    assert_eq!(of_type(&events, "state.set.v1").len(), 1);
    assert_eq!(of_type(&events, "dropped.v1").len(), 0);
}

#[tokio::test]
async fn nodes_emit_into_the_run_and_never_fail_by_it() {
    let graph = GraphBuilder::new("talks")
        .node("talks", async |ctx: NodeContext| {
            for n in 0..3000 {
                ctx.message(n.to_string()).await;
            }
            ctx.message("x".repeat(400_000)).await;
            ctx.part("detail").progress(0.5, "half").await;
            Ok(Update::new())
        })
        .edge(START, "talks");
    let app = app(graph).await;
    let outcome = app.invoke(State::new()).await.unwrap();
    let events = events(&app, &outcome.run).await;
    assert_sound(&events);
    assert_eq!(of_type(&events, "node.message.v1").len(), 3000);
    assert_eq!(of_type(&events, "dropped.v1").len(), 1, "the one that no event holds");
}

#[tokio::test]
async fn every_way_in_gives_the_same_run() {
    let app = app(diamond()).await;
    let mut all = app.event_stream().await.unwrap();
    let sink = MemorySink::new(1000);
    app.invoke_with_sinks(State::new(), vec![SinkConfig::memory(sink.clone())]).await.unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let by_channel = tokio::spawn(async move {
        let mut types = Vec::new();
        while let Some(item) = receiver.recv().await {
            if let Item::Event(delivery) = item {
                types.push(delivery.event().ty().to_owned());
            }
        }
        types
    });
    app.invoke_with_channel(State::new(), sender).await.unwrap();
    let (mut stream, mut handle) = app.invoke_streaming(State::new()).await.unwrap();
    let mut by_stream = Vec::new();
    while let Some(item) = stream.next().await {
        if let Item::Event(delivery) = item.unwrap() {
            by_stream.push(delivery.event().ty().to_owned());
        }
    }
    let outcome = handle.join().await.unwrap();
    let kind = |types: &[String]| {
        let mut types = types.to_vec();
        types.sort();
        types
    };
    let by_sink: Vec<_> = sink.events().iter().map(|event| event.ty().to_owned()).collect();
    let by_log: Vec<_> = events(&app, &outcome.run).await.iter().map(|event| event.ty().to_owned()).collect();
    assert_eq!(by_stream, by_log);
    assert_eq!(kind(&by_sink), kind(&by_log));
    assert_eq!(kind(&by_channel.await.unwrap()), kind(&by_log));
    let mut seen = 0;
    while seen < by_log.len() * 3 {
        if let Item::Event(_) = all.next().await.unwrap().unwrap() {
            seen += 1;
        }
    }
    assert!(matches!(app.close().await, Ok(()) | Err(RunError::Bus(_))));
}
