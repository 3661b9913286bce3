//! Groups, workers and what they say, for the clauses.

use std::time::Duration;

use headwater_events::{GroupName, Tenant};

use crate::{
    EventBroker, Fetch, Fetched, Group, GroupConfig, Leased, Settlement, Start, Verdict, WorkerName,
    suite::PATIENCE,
};

pub(super) const LEASE: Duration = Duration::from_millis(1500);

pub(super) fn worker(name: &str) -> WorkerName {
    WorkerName::new(name.to_owned()).expect("a worker's name")
}

pub(super) fn group(name: &str) -> Group {
    Group::of(Tenant::default(), GroupName::new(name.to_owned()).expect("a group's name"))
}

pub(super) fn quick() -> GroupConfig {
    GroupConfig { lease: LEASE, max_attempts: 3, ..GroupConfig::default() }
}

pub(super) async fn make(broker: &dyn EventBroker, name: &str) -> Group {
    let group = group(name);
    assert!(broker.put_group(&group, Start::Earliest, quick()).await.expect("a group"), "it is new");
    group
}

pub(super) async fn fetch(broker: &dyn EventBroker, group: &Group, name: &str, max: usize) -> Fetched {
    let wait = Duration::from_millis(200);
    let fetch = Fetch { worker: worker(name), session: None, max, wait };
    broker.fetch(group, fetch).await.expect("an answer")
}

pub(super) fn ids(deliveries: &[Leased]) -> Vec<&str> {
    deliveries.iter().map(|leased| leased.event().id()).collect()
}

pub(super) fn each(deliveries: &[Leased], verdict: &Verdict) -> Vec<Settlement> {
    deliveries.iter().map(|leased| Settlement { lease: leased.lease, verdict: verdict.clone() }).collect()
}

pub(super) async fn settle(
    broker: &dyn EventBroker,
    group: &Group,
    deliveries: &[Leased],
    verdict: &Verdict,
) {
    let results = broker.settle(group, each(deliveries, verdict)).await.expect("an answer");
    assert!(results.iter().all(Result::is_ok), "held leases are settled: {results:?}");
}

/// Fetches and acks as one worker until `n` events have come.
pub(super) async fn drain(broker: &dyn EventBroker, group: &Group, name: &str, n: usize) -> Vec<Leased> {
    let mut all = Vec::new();
    let start = tokio::time::Instant::now();
    while all.len() < n {
        assert!(start.elapsed() < PATIENCE, "{} of {n} came: {:?}", all.len(), ids(&all));
        let fetched = fetch(broker, group, name, 64).await;
        assert!(fetched.gaps.is_empty(), "nothing is missing: {:?}", fetched.gaps);
        settle(broker, group, &fetched.deliveries, &Verdict::Ack).await;
        all.extend(fetched.deliveries);
    }
    all
}

/// Nothing more comes.
pub(super) async fn nothing_left(broker: &dyn EventBroker, group: &Group, name: &str) {
    let fetched = fetch(broker, group, name, 64).await;
    assert!(fetched.deliveries.is_empty(), "nothing is left: {:?}", ids(&fetched.deliveries));
}
