//! What workers may rely on while letters are replayed, others leave, and several brokers work on a group.

use std::{sync::Arc, time::Duration};

use headwater_broker::{
    Broker, BrokerConfig, ConsumerGroups, DeadLetterFilter, EventPublisher, Fetch, Fetched, Group,
    GroupConfig, Leased, Refused, Settlement, Start, Verdict, WorkerName,
};
use headwater_events::{Event, Position, Tenant};
use headwater_store::{
    MemoryOptions, MemoryStore, Store,
    suite::{Shape, Shaped},
};

/// Longer than any of these tests waits.
const LONG: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(60);

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryOptions::default()))
}

async fn broker(store: &Arc<dyn Store>) -> Broker {
    Broker::open(Arc::clone(store), BrokerConfig::default()).await.unwrap()
}

async fn group(broker: &Broker) -> Group {
    let group = Group::of(Tenant::default(), "group".parse().unwrap());
    broker.put_group(&group, Start::Earliest, GroupConfig::default()).await.unwrap();
    group
}

fn note(tenant: &Tenant, run: &str, id: &str) -> Event {
    Event::builder("/test", "note.v1").id(id).tenant(tenant).subject(run).build().unwrap()
}

fn ask(wait: Duration) -> Fetch {
    Fetch { worker: WorkerName::new("w").unwrap(), session: None, max: 10, wait }
}

/// Fetches until something comes.
async fn fetch(broker: &Broker, group: &Group) -> Vec<Leased> {
    loop {
        let fetched = broker.fetch(group, ask(Duration::from_secs(1))).await.unwrap();
        if !fetched.deliveries.is_empty() {
            return fetched.deliveries;
        }
    }
}

async fn settle(broker: &Broker, group: &Group, leased: &Leased, verdict: Verdict) -> Result<(), Refused> {
    broker.settle(group, vec![Settlement { lease: leased.lease, verdict }]).await.unwrap()[0]
}

fn seen(deliveries: &[Leased]) -> Vec<(&str, u32, bool)> {
    let all = deliveries.iter();
    all.map(|leased| (leased.event().id(), leased.attempt, leased.replay_of.is_some())).collect()
}

#[tokio::test]
async fn a_replay_takes_nothing_from_the_worker_that_has_the_runs_next_event() {
    let broker = broker(&memory()).await;
    let group = group(&broker).await;
    let tenant = Tenant::default();
    broker.publish(&[note(&tenant, "a", "0"), note(&tenant, "a", "1")]).await.unwrap();
    let first = fetch(&broker, &group).await;
    settle(&broker, &group, &first[0], Verdict::Reject { reason: "no".to_owned() }).await.unwrap();
    let second = fetch(&broker, &group).await;
    assert_eq!(seen(&second), [("1", 1, false)]);
    assert_eq!(broker.replay(&group, &DeadLetterFilter::default()).await.unwrap(), 1);
    assert_eq!(settle(&broker, &group, &second[0], Verdict::Ack).await, Ok(()));
    let again = fetch(&broker, &group).await;
    assert_eq!(seen(&again), [("0", 1, true)]);
    assert_eq!(settle(&broker, &group, &again[0], Verdict::Ack).await, Ok(()));
    let more = broker.fetch(&group, ask(Duration::from_millis(200))).await.unwrap();
    assert_eq!(seen(&more.deliveries), [], "each was handled once");
}

#[tokio::test]
async fn a_worker_that_leaves_gets_an_answer_to_the_fetch_that_waits() {
    let broker = broker(&memory()).await;
    let group = group(&broker).await;
    let waiting = {
        let (broker, group) = (broker.clone(), group.clone());
        tokio::spawn(async move { broker.fetch(&group, ask(LONG)).await.unwrap() })
    };
    while broker.group(&group).await.unwrap().unwrap().workers.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    broker.leave(&group, &WorkerName::new("w").unwrap()).await.unwrap();
    let fetched: Fetched = tokio::time::timeout(PATIENCE, waiting).await.expect("an answer").unwrap();
    assert!(fetched.deliveries.is_empty() && fetched.gaps.is_empty());
    assert!(broker.group(&group).await.unwrap().unwrap().workers.is_empty(), "it is gone");
}

#[tokio::test]
async fn a_lease_is_extended_through_a_broker_that_did_not_give_it_out() {
    let store = memory();
    let (one, other) = (broker(&store).await, broker(&store).await);
    let group = group(&one).await;
    let tenant = Tenant::default();
    for id in ["0", "1", "2"] {
        one.publish(&[note(&tenant, "a", id)]).await.unwrap();
        let given = fetch(&one, &group).await;
        // The other one has seen the lane as it was before.
        assert_eq!(other.extend(&group, &[given[0].lease]).await.unwrap(), [Ok(())], "{id}");
        assert_eq!(settle(&one, &group, &given[0], Verdict::Ack).await, Ok(()));
        assert_eq!(other.extend(&group, &[given[0].lease]).await.unwrap(), [Err(Refused::NotHeld)], "{id}");
    }
}

#[tokio::test]
async fn lanes_of_a_worker_that_leaves_are_free_though_another_broker_has_changed_them() {
    let store = memory();
    let (one, other) = (broker(&store).await, broker(&store).await);
    let group = Group::of(Tenant::default(), "group".parse().unwrap());
    let config = GroupConfig { lease: LONG, ..GroupConfig::default() };
    one.put_group(&group, Start::Earliest, config).await.unwrap();
    one.publish(&[note(&Tenant::default(), "a", "0")]).await.unwrap();
    let given = fetch(&one, &group).await;
    assert_eq!(other.extend(&group, &[given[0].lease]).await.unwrap(), [Ok(())]);
    one.leave(&group, &WorkerName::new("w").unwrap()).await.unwrap();
    let next = Fetch { worker: WorkerName::new("next").unwrap(), ..ask(PATIENCE) };
    let fetched = one.fetch(&group, next).await.unwrap();
    assert_eq!(seen(&fetched.deliveries), [("0", 2, false)], "long before the lease passes");
}

#[tokio::test]
async fn pages_of_all_tenants_letters_miss_none_where_positions_are_equal() {
    let store: Arc<dyn Store> = Arc::new(Shaped::new(Shape::ByLane, &MemoryOptions::default()));
    let broker = broker(&store).await;
    let group = Group { tenant: None, name: "all".parse().unwrap() };
    broker.put_group(&group, Start::Earliest, GroupConfig::default()).await.unwrap();
    let tenants: Vec<Tenant> = (0..20).map(|n| Tenant::new(format!("t{n}")).unwrap()).collect();
    for tenant in &tenants {
        broker.publish(&[note(tenant, "a", "0"), note(tenant, "b", "1")]).await.unwrap();
    }
    let mut left = tenants.len() * 2;
    while left > 0 {
        for leased in fetch(&broker, &group).await {
            settle(&broker, &group, &leased, Verdict::Reject { reason: "no".to_owned() }).await.unwrap();
            left -= 1;
        }
    }
    let (mut count, mut after) = (0, Position::ZERO);
    loop {
        let page = broker.dead_letters(&group, &DeadLetterFilter::default(), after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        count += page.len();
    }
    assert_eq!(count, tenants.len() * 2, "each letter stands on one page");
}
