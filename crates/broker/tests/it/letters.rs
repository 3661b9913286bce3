//! Dead letters by pages, when many were done with long ago.

use std::{sync::Arc, time::Duration};

use headwater_broker::{
    Broker, BrokerConfig, ConsumerGroups, DeadLetterFilter, EventPublisher, Fetch, Group, GroupConfig,
    Settlement, Start, Verdict, WorkerName,
};
use headwater_events::{Event, Position, Tenant};
use headwater_store::{MemoryOptions, MemoryStore};

const LETTERS: usize = 200;

async fn reject(broker: &Broker, group: &Group, runs: std::ops::Range<usize>) {
    let events: Vec<_> = runs
        .clone()
        .map(|n| {
            Event::builder("/test", "note.v1").id(n.to_string()).subject(format!("wf-{n}")).build().unwrap()
        })
        .collect();
    broker.publish(&events).await.unwrap();
    let mut left = runs.len();
    while left > 0 {
        let fetch = Fetch {
            worker: WorkerName::new("w").unwrap(),
            session: None,
            max: 64,
            wait: Duration::from_secs(1),
        };
        let fetched = broker.fetch(group, fetch).await.unwrap();
        left -= fetched.deliveries.len();
        let verdict = Verdict::Reject { reason: "no".to_owned() };
        let all = fetched.deliveries.iter();
        let all = all.map(|leased| Settlement { lease: leased.lease, verdict: verdict.clone() }).collect();
        assert!(broker.settle(group, all).await.unwrap().iter().all(Result::is_ok));
    }
}

/// Everything that is open, in pages of 30.
async fn pages(broker: &Broker, group: &Group) -> Vec<Position> {
    let (mut all, mut after) = (Vec::new(), Position::ZERO);
    loop {
        let page = broker.dead_letters(group, &DeadLetterFilter::default(), after, 30).await.unwrap();
        assert!(page.len() <= 30);
        let Some(last) = page.last() else { return all };
        after = last.position;
        all.extend(page.iter().map(|letter| letter.position));
    }
}

#[tokio::test]
async fn pages_hold_every_open_letter_once_however_many_are_done_with() {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let broker = Broker::open(store, BrokerConfig::default()).await.unwrap();
    let group = Group::of(Tenant::default(), "letters".parse().unwrap());
    broker.put_group(&group, Start::Earliest, GroupConfig::default()).await.unwrap();
    reject(&broker, &group, 0..LETTERS).await;
    let all = pages(&broker, &group).await;
    assert_eq!(all.len(), LETTERS);
    assert!(all.is_sorted());

    // The first ones are done with, and one in the middle of those that are left.
    let gone: Vec<_> = all[..150].iter().chain(&all[160..161]).copied().collect();
    let filter = DeadLetterFilter { positions: gone, ..DeadLetterFilter::default() };
    assert_eq!(broker.discard(&group, &filter).await.unwrap(), 151);
    let left: Vec<_> = all[150..].iter().copied().filter(|position| *position != all[160]).collect();
    for _ in 0..2 {
        assert_eq!(pages(&broker, &group).await, left);
        assert_eq!(broker.group(&group).await.unwrap().unwrap().dead_letters, 49);
    }

    // What was remembered of them hides nothing that comes.
    reject(&broker, &group, LETTERS..LETTERS + 5).await;
    let now = pages(&broker, &group).await;
    assert_eq!((&now[..49], now.len()), (&left[..], 54));
    assert_eq!(broker.replay(&group, &DeadLetterFilter::default()).await.unwrap(), 54);
    assert!(pages(&broker, &group).await.is_empty());
}
