//! Between the shared stores, those that are built in: each as source and as target.

use std::collections::BTreeMap;

use headwater::{
    Broker, EventSubscriberExt as _, Filter, MemoryOptions, Scope, Tenant,
    mirror::{End, MirrorOptions},
};

use crate::support::{broker, event, fill, same, small};

/// A log of its own on the server of this test program; `None` where there is no such server.
async fn open(kind: &str, log: &str) -> Option<End> {
    use headwater_test_servers::{aside, need};
    let url = match kind {
        #[cfg(feature = "redis")]
        "redis" => {
            let server = need(aside(headwater_test_servers::Redis::shared).await)?;
            format!("{}?namespace={log}", server.url())
        }
        #[cfg(feature = "nats")]
        "nats" => {
            let server = need(aside(headwater_test_servers::Nats::shared).await)?;
            format!("{}?namespace={log}", server.url())
        }
        #[cfg(feature = "kafka")]
        "kafka" => {
            let server = need(aside(headwater_test_servers::Kafka::shared).await)?;
            format!("{}/{log}?lanes=4", server.url())
        }
        other => panic!("{other} is no shared store"),
    };
    Some(End::open(&url).await.unwrap())
}

/// The events of a tenant's runs, by run.
async fn everything(end: &End, runs: usize) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for run in 0..runs {
        let stream = format!("wf-{run}");
        let scope = Scope::Stream(Tenant::default(), stream.parse().unwrap());
        let events = end.broker().read_all(&scope, &Filter::all()).await.unwrap();
        all.insert(stream, events.iter().map(|d| d.event().id().to_owned()).collect());
    }
    all
}

/// There and back: from memory into the store, and from the store into memory, each twice, with a stop in between.
async fn there_and_back(kind: &str) {
    let from: Broker = broker(MemoryOptions::default()).await;
    fill(&from, 5, 60).await;
    let Some(shared) = open(kind, &format!("mirror-{}", std::process::id())).await else { return };
    let source = End::from(from.clone());
    let stopped = headwater::mirror(source.clone(), shared.clone(), small());
    let _ = tokio::time::timeout(std::time::Duration::from_millis(30), stopped).await;
    // What was under way has come to rest: where ids are not recognized it would be stored a second time.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    headwater::mirror(source.clone(), shared.clone(), small()).await.unwrap();
    let again = headwater::mirror(source.clone(), shared.clone(), small()).await.unwrap();
    assert_eq!((again.stored, again.already), (0, 0), "{kind}");
    assert_eq!(everything(&source, 5).await, everything(&shared, 5).await, "into {kind}");
    let unmarked = MirrorOptions { name: "other".into(), ..small() };
    let compared = headwater::mirror(source.clone(), shared.clone(), unmarked).await.unwrap();
    assert_eq!((compared.stored, compared.already), (0, 300), "{kind}");

    let back = broker(MemoryOptions { dedup_window: None, ..MemoryOptions::default() }).await;
    let target = End::from(back.clone());
    let report = headwater::mirror(shared.clone(), target.clone(), small()).await.unwrap();
    assert_eq!(report.stored, 300, "{kind}: {report:?}");
    same(&from, &back, 5).await;
    shared.broker().publish(&[event("wf-1", 1_000), event("wf-9", 1)]).await.unwrap();
    let report = headwater::mirror(shared.clone(), target.clone(), small()).await.unwrap();
    assert_eq!(report.stored, 2, "{kind}: {report:?}");
    shared.broker().close().await.unwrap();
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis() {
    there_and_back("redis").await;
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats() {
    there_and_back("nats").await;
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka() {
    there_and_back("kafka").await;
}
