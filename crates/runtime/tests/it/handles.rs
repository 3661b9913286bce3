//! What joining, cancelling, aborting and dropping mean.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use headwater_events::catalogue::WorkflowCancelled;
use headwater_runtime::{App, GraphBuilder, NodeContext, NodeError, RunError, START, State, Update};
use tokio::sync::Notify;

use crate::support::{assert_sound, config, events, strict, types, until};

/// An app of one node that says that it began, and waits: for its token, or for ever.
struct Waiting {
    app: App,
    began: Arc<Notify>,
    dropped: Arc<AtomicBool>,
    go_on: Arc<Notify>,
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Waiting {
    async fn new(polite: bool) -> Self {
        let (began, dropped, go_on) =
            (Arc::new(Notify::new()), Arc::<AtomicBool>::default(), Arc::new(Notify::new()));
        let (tell, gone, go) = (Arc::clone(&began), Arc::clone(&dropped), Arc::clone(&go_on));
        let graph = GraphBuilder::new("waits")
            .node("waits", move |ctx: NodeContext| {
                let (tell, guard, go) = (Arc::clone(&tell), SetOnDrop(Arc::clone(&gone)), Arc::clone(&go));
                async move {
                    tell.notify_one();
                    tokio::select! {
                        () = ctx.token().cancelled(), if polite => Err(NodeError::cancelled()),
                        () = go.notified() => { drop(guard); Ok(Update::new().set("done", true)) }
                    }
                }
            })
            .edge(START, "waits");
        let config = config(strict().await).with_cancel_grace(Duration::from_millis(50));
        Self { app: graph.with_runtime_config(config).unwrap(), began, dropped, go_on }
    }
}

async fn assert_cancelled(app: &App, run: &headwater_events::StreamName, why: &str) {
    let events = events(app, run).await;
    assert_sound(&events);
    let last = events.last().unwrap();
    let told: WorkflowCancelled = last.data_as().unwrap();
    assert_eq!((last.ty(), told.reason.as_deref()), ("workflow.cancelled.v1", Some(why)));
}

#[tokio::test]
async fn cancelling_lets_nodes_stop_and_the_stream_says_why() {
    let waiting = Waiting::new(true).await;
    let mut handle = waiting.app.start(None, State::new()).await.unwrap();
    waiting.began.notified().await;
    assert!(!handle.is_finished());
    handle.cancel("enough");
    let error = handle.join().await.unwrap_err();
    assert_eq!(error.to_string(), "the run was cancelled: enough");
    assert!(handle.is_finished());
    assert_cancelled(&waiting.app, handle.run(), "enough").await;
    assert!(matches!(handle.join().await, Err(RunError::Join(_))), "the outcome is taken once");
}

#[tokio::test]
async fn a_node_that_does_not_stop_is_dropped_after_its_time() {
    let waiting = Waiting::new(false).await;
    let mut handle = waiting.app.start(None, State::new()).await.unwrap();
    waiting.began.notified().await;
    handle.token().cancel();
    assert!(matches!(handle.join().await, Err(RunError::Cancelled { .. })));
    assert!(waiting.dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn aborting_drops_nodes_where_they_are() {
    let waiting = Waiting::new(false).await;
    let mut handle = waiting.app.start(None, State::new()).await.unwrap();
    waiting.began.notified().await;
    handle.abort();
    assert!(matches!(handle.join().await, Err(RunError::Cancelled { .. })));
    assert!(waiting.dropped.load(Ordering::SeqCst));
    assert_cancelled(&waiting.app, handle.run(), "aborted").await;
}

#[tokio::test]
async fn one_node_can_be_asked_to_stop() {
    let waiting = Waiting::new(true).await;
    let mut handle = waiting.app.start(None, State::new()).await.unwrap();
    waiting.began.notified().await;
    assert!(!handle.cancel_node("somebody else"));
    assert!(handle.cancel_node("waits"));
    let error = handle.join().await.unwrap_err();
    assert_eq!(error.to_string(), "node `waits` failed: cancelled");
}

#[tokio::test]
async fn dropping_the_handle_leaves_the_run_to_itself() {
    let waiting = Waiting::new(true).await;
    let handle = waiting.app.start(None, State::new()).await.unwrap();
    let run = handle.run().clone();
    waiting.began.notified().await;
    drop(handle);
    waiting.go_on.notify_one();
    let mut last = String::new();
    for _ in 0..3000 {
        let events = events(&waiting.app, &run).await;
        last = (*types(&events).last().unwrap()).to_owned();
        if last.starts_with("workflow.c") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(last, "workflow.completed.v1");
}

#[tokio::test]
async fn a_handle_that_cancels_on_drop_ends_the_run_with_it() {
    let waiting = Waiting::new(true).await;
    let handle = waiting.app.start(None, State::new()).await.unwrap().cancel_on_drop();
    let (run, token) = (handle.run().clone(), handle.token());
    waiting.began.notified().await;
    drop(handle);
    assert!(token.is_cancelled());
    until("the node is gone", || waiting.dropped.load(Ordering::SeqCst)).await;
    for _ in 0..3000 {
        if types(&events(&waiting.app, &run).await).last() == Some(&"workflow.cancelled.v1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_cancelled(&waiting.app, &run, "nobody waits for it any more").await;
}

#[tokio::test]
async fn dropping_the_stream_does_nothing_to_the_run() {
    let waiting = Waiting::new(true).await;
    let (stream, mut handle) = waiting.app.invoke_streaming(State::new()).await.unwrap();
    waiting.began.notified().await;
    drop(stream);
    waiting.go_on.notify_one();
    assert!(handle.join().await.is_ok());
}

#[tokio::test]
async fn joining_is_one_branch_of_a_select() {
    let waiting = Waiting::new(true).await;
    let mut handle = waiting.app.start(None, State::new()).await.unwrap();
    waiting.began.notified().await;
    for _ in 0..3 {
        tokio::select! {
            _ = handle.join() => panic!("it waits"),
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
    }
    waiting.go_on.notify_one();
    assert_eq!(handle.join().await.unwrap().state.get("done"), Some(&true.into()));
}

#[tokio::test]
async fn cancelling_before_the_first_step_begins_no_step() {
    let waiting = Waiting::new(false).await;
    let handle = waiting.app.start(None, State::new()).await.unwrap();
    handle.abort();
    let mut handle = handle;
    assert!(matches!(handle.join().await, Err(RunError::Cancelled { .. })));
    let events = events(&waiting.app, handle.run()).await;
    assert_sound(&events);
}
