//! A mirror that goes on with what comes.

use std::sync::Arc;

use headwater::{
    Broker, EventPublisher as _, HttpBroker, HttpOptions, MemoryOptions,
    mirror::{End, Happening, MirrorOptions, mirror_with},
};
use tokio::sync::Notify;

use crate::support::{PATIENCE, broker, event, fill, forgetful, same, small, stored};

async fn becomes(to: &Broker, stream: &str, count: usize) {
    let there = async {
        while stored(to, stream).await.len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, there)
        .await
        .unwrap_or_else(|_| panic!("{stream} did not get {count} events"));
}

async fn follows(from: &Broker, source: End, to: &Broker) {
    let live = Arc::new(Notify::new());
    let bell = Arc::clone(&live);
    let observer = move |happening: Happening<'_>| {
        if matches!(happening, Happening::Live) {
            bell.notify_one();
        }
    };
    let options = MirrorOptions { follow: true, ..small() };
    let target = End::from(to.clone());
    let task = tokio::spawn(mirror_with(source, target, options, observer));
    tokio::time::timeout(PATIENCE, live.notified()).await.unwrap();
    // More of the old runs, two new ones, and at last a delta that nothing durable follows.
    fill(from, 5, 31).await;
    for run in 0..5 {
        becomes(to, &format!("wf-{run}"), 31).await;
    }
    assert_eq!(event("wf-0", 33).ty(), "llm.delta.v1");
    from.publish(&[event("wf-0", 33)]).await.unwrap();
    becomes(to, "wf-0", 32).await;
    assert!(!task.is_finished());
    task.abort();
    same(from, to, 5).await;
}

#[tokio::test]
async fn new_runs_and_deltas_come_over_in_process() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 3, 20).await;
    follows(&from, from.clone().into(), &to).await;
}

#[tokio::test]
async fn new_runs_and_deltas_come_over_http() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 3, 20).await;
    let server = headwater::serve(Arc::new(from.clone()), "127.0.0.1:0").await.unwrap();
    let remote = HttpBroker::connect(&server.url(), HttpOptions::default()).unwrap();
    follows(&from, remote.into(), &to).await;
}
