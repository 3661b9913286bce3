//! One process works on a run; another goes on with it when it is lost.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use headwater_broker::EventBroker;
use headwater_events::{Data, StreamName, catalogue::WorkflowResumed};
use headwater_runtime::{
    App, Checkpoints, GraphBuilder, NodeContext, Reducer, RunError, RuntimeConfig, START, State, Update,
};
use serde_json::json;

use crate::support::{assert_sound, config, events, lose, note, of_type, run_name, strict};

/// a, then b, which hangs as long as it is told to, then c. Who ran is noted outside.
fn chain(hang: &Arc<AtomicBool>, ran: &Arc<Mutex<Vec<String>>>) -> GraphBuilder {
    let mut graph = GraphBuilder::new("chain").reducer("ran", Reducer::Append);
    for name in ["a", "b", "c"] {
        let (hang, ran) = (Arc::clone(hang), Arc::clone(ran));
        graph = graph.node(name, move |ctx: NodeContext| {
            let (hang, ran) = (Arc::clone(&hang), Arc::clone(&ran));
            async move {
                ran.lock().unwrap().push(ctx.key());
                ctx.message(format!("in {name}")).await;
                if name == "b" && hang.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                Ok(Update::new().set("ran", name))
            }
        });
    }
    graph.edge(START, "a").edge("a", "b").edge("b", "c")
}

/// Processes that work on one broker, as far as one process can play several.
struct Chain {
    broker: Arc<dyn EventBroker>,
    hang: Arc<AtomicBool>,
    ran: Arc<Mutex<Vec<String>>>,
}

impl Chain {
    async fn new() -> Self {
        Self { broker: strict().await, hang: Arc::new(AtomicBool::new(true)), ran: Arc::default() }
    }

    /// A process.
    fn app(&self) -> App {
        chain(&self.hang, &self.ran).with_runtime_config(config(Arc::clone(&self.broker))).unwrap()
    }

    /// A process is lost in b; the next one will not hang there.
    async fn lose_in_b(&self, run: &StreamName) {
        self.hang.store(true, Ordering::SeqCst);
        lose(&self.app(), run, |event| matches!(event.data(), Data::Json(text) if text.contains("in b")))
            .await;
        self.hang.store(false, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_lost_run_goes_on_behind_its_last_checkpoint() {
    let chain = Chain::new().await;
    let run = run_name("lost");
    chain.lose_in_b(&run).await;
    let again = chain.app();
    let outcome = again.resume(&run).await.unwrap().join().await.unwrap();
    assert_eq!(outcome.state.to_value(), json!({ "ran": ["a", "b", "c"] }));
    assert_eq!(*chain.ran.lock().unwrap(), ["lost/a/1", "lost/b/1", "lost/b/1", "lost/c/1"]);
    let events = events(&again, &run).await;
    assert_sound(&events);
    let resumed: WorkflowResumed = of_type(&events, "workflow.resumed.v1")[0].data_as().unwrap();
    assert!(resumed.reason.unwrap().contains("is gone"));
    let broken = of_type(&events, "step.failed.v1");
    assert_eq!((broken.len(), broken[0].source()), (1, "/nodes/b"), "what was open is closed");
}

#[tokio::test]
async fn a_run_that_lives_is_left_alone() {
    let chain = Chain::new().await;
    let run = run_name("alive");
    let (app, other) = (chain.app(), chain.app());
    let handle = app.start(Some(run.clone()), State::new()).await.unwrap();
    for _ in 0..2 {
        let error = other.resume(&run).await.map(|handle| handle.run().clone()).unwrap_err();
        assert_eq!(error.code(), "leased", "{error}");
    }
    let error = other.start(Some(run.clone()), State::new()).await.map(|h| h.run().clone()).unwrap_err();
    assert_eq!(error.code(), "leased", "nor is it started a second time: {error}");
    handle.abort();
}

#[tokio::test]
async fn of_two_that_go_on_at_once_one_does() {
    let chain = Chain::new().await;
    let run = run_name("raced");
    chain.lose_in_b(&run).await;
    let (one, two) = (chain.app(), chain.app());
    let (one, two) = tokio::join!(one.resume(&run), two.resume(&run));
    let mut won = Vec::new();
    for handle in [one, two] {
        match handle {
            Ok(mut handle) => won.push(handle.join().await.unwrap().state.to_value()),
            // Who comes to look late finds the lease given back, and the run at its end.
            Err(error) => assert!(["leased", "run-ended"].contains(&error.code()), "{error}"),
        }
    }
    assert_eq!(won, [json!({ "ran": ["a", "b", "c"] })]);
}

#[tokio::test]
async fn runs_that_nobody_can_go_on_with_are_told_apart() {
    let chain = Chain::new().await;
    chain.hang.store(false, Ordering::SeqCst);
    let code = |result: Result<headwater_runtime::InvocationHandle, RunError>| {
        result.map(|handle| handle.run().to_string()).unwrap_err().code().to_owned()
    };
    let app = chain.app();
    assert_eq!(code(app.resume(&run_name("nobody")).await), "run-not-found");
    let ended = app.invoke(State::new()).await.unwrap().run;
    assert_eq!(code(app.resume(&ended).await), "run-ended");
    let run = run_name("changed");
    chain.lose_in_b(&run).await;
    for name in ["chain", "other"] {
        let graph = GraphBuilder::new(name).node("a", note("a")).edge(START, "a");
        let changed = graph.with_runtime_config(config(Arc::clone(&chain.broker))).unwrap();
        assert_eq!(code(changed.resume(&run).await), "graph-changed");
    }
    app.resume(&run).await.unwrap().join().await.unwrap();
}

/// Somebody else has taken the lease: what this process still does, it does not tell, and it ends.
#[tokio::test]
async fn a_process_that_lost_its_lease_stops() {
    let chain = Chain::new().await;
    let run = run_name("stolen");
    let app = chain.app();
    let mut handle = app.start(Some(run.clone()), State::new()).await.unwrap();
    let state = chain.broker.state().unwrap();
    let key = format!("run/default/{run}");
    loop {
        let Some(entry) = state.get(&key).await.unwrap() else { continue };
        if state.put(&key, "{}".into(), Some(entry.version)).await.is_ok() {
            break;
        }
    }
    let error = handle.join().await.unwrap_err();
    assert_eq!(error.code(), "lease-lost");
    let events = events(&app, &run).await;
    assert!(!events.iter().any(|event| event.mark().ends()), "the run is another process's");
}

#[tokio::test]
async fn without_checkpoints_there_is_no_lease() {
    let config = RuntimeConfig::silent().with_broker(strict().await).with_checkpoints(Checkpoints::Off);
    let app = GraphBuilder::new("plain").node("a", note("a")).edge(START, "a").with_runtime_config(config);
    let app = app.unwrap();
    let outcome = app.invoke(State::new()).await.unwrap();
    let state = app.config().broker.as_ref().unwrap().state().unwrap();
    assert_eq!(state.list("run/", None, 10).await.unwrap(), []);
    assert_sound(&events(&app, &outcome.run).await);
}
