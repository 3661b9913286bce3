//! Many at once, and calls that nobody waits for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::kit::{drain, fetch, group, ids, make, nothing_left, quick, settle, worker};
use crate::{
    EventBroker, Fetch, Group, GroupConfig, Start, Verdict,
    suite::{
        Factory,
        kit::{id, note, plain, publish, publish_all},
        tape::same,
    },
};

/// Many publish while many handle: everything comes once, in the order of its run, with what was published in it.
pub async fn many_publishers_and_many_workers_lose_nothing(factory: &dyn Factory) {
    const RUNS: usize = 20;
    const EACH: usize = 25;
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "crowd").await;
    let (seen, count) =
        (Arc::new(Mutex::new(BTreeMap::<String, Vec<String>>::new())), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for run in 0..RUNS {
        let broker = Arc::clone(&broker);
        tasks.spawn(async move {
            for n in 0..EACH {
                publish(&*broker, &[note(&format!("r{run}"), n)]).await;
            }
        });
    }
    for n in 0..8 {
        let (broker, group) = (Arc::clone(&broker), group.clone());
        let (seen, count) = (Arc::clone(&seen), Arc::clone(&count));
        tasks.spawn(async move {
            while count.load(Ordering::SeqCst) < RUNS * EACH {
                let got = fetch(&*broker, &group, &format!("w{n}"), 10).await.deliveries;
                for leased in &got {
                    let data: serde_json::Value = leased.event().data_as().expect("its payload");
                    let name = leased.event().stream().to_owned();
                    let mut seen = seen.lock().expect("no panic");
                    let of_run = seen.entry(name).or_default();
                    assert_eq!(data["n"], of_run.len(), "the payload of its place");
                    of_run.push(leased.event().id().to_owned());
                }
                settle(&*broker, &group, &got, &Verdict::Ack).await;
                count.fetch_add(got.len(), Ordering::SeqCst);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    for (run, seen) in seen.lock().expect("no panic").iter() {
        let want: Vec<_> = (0..EACH).map(|n| id(run, n)).collect();
        same(&seen.iter().map(String::as_str).collect::<Vec<_>>(), &want);
    }
    nothing_left(&*broker, &group, "w0").await;
}

async fn come_and_go(broker: Arc<dyn EventBroker>, group: Group, n: usize) {
    let name = worker(&format!("guest-{n}"));
    let ask = Fetch { worker: name.clone(), session: None, max: 5, wait: Duration::from_millis(5) };
    let got = broker.fetch(&group, ask).await.expect("an answer").deliveries;
    // Nothing is said of what it got.
    assert!(got.len() <= 5);
    broker.leave(&group, &name).await.expect("it may go");
}

/// Workers that come and go all at once, whatever they got, take nothing with them.
pub async fn workers_that_come_and_go_at_once_take_nothing_with_them(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = group("guests");
    // What a guest had costs an attempt.
    let config = GroupConfig { max_attempts: 1000, ..quick() };
    broker.put_group(&group, Start::Earliest, config).await.expect("a group");
    publish_all(&*broker, &(0..50).map(|n| note(&format!("r{n}"), 0)).collect::<Vec<_>>()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..10 {
        tasks.spawn(come_and_go(Arc::clone(&broker), group.clone(), n));
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    let got = drain(&*broker, &group, "stays", 50).await;
    let all: BTreeSet<_> = got.iter().map(|leased| leased.event().id().to_owned()).collect();
    assert_eq!(all.len(), 50, "each of them comes: {all:?}");
}

/// A worker that reads a part and goes is followed by others that read on, round after round.
pub async fn what_a_worker_left_is_gone_on_with(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "rounds").await;
    publish_all(&*broker, &(0..60).map(|n| note(&format!("r{}", n % 12), n / 12)).collect::<Vec<_>>()).await;
    let mut all = Vec::new();
    for n in 0..4 {
        let name = format!("w{n}");
        // One that came before may have got more than it waited for.
        let left = 60 - all.len();
        all.extend(drain(&*broker, &group, &name, left.min(12)).await);
        broker.leave(&group, &worker(&name)).await.expect("it may go");
    }
    if all.len() < 60 {
        all.extend(drain(&*broker, &group, "last", 60 - all.len()).await);
    }
    let mut next = BTreeMap::<String, usize>::new();
    for leased in &all {
        let at = next.entry(leased.event().stream().to_owned()).or_default();
        assert_eq!(leased.event().id(), id(leased.event().stream(), *at), "in order, once");
        *at += 1;
    }
    assert_eq!(all.len(), 60);
}

/// A call that is dropped loses nothing: what it was to give comes to the next one.
pub async fn a_fetch_that_is_dropped_loses_nothing(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let group = make(&*broker, "dropped").await;
    for n in 0..20 {
        let ask = Fetch { worker: worker("w"), session: None, max: 1, wait: Duration::from_secs(5) };
        let waiting = broker.fetch(&group, ask);
        let short = Duration::from_millis(n);
        if let Ok(got) = tokio::time::timeout(short, waiting).await {
            assert!(got.expect("an answer").deliveries.is_empty(), "nothing was published");
        }
    }
    publish(&*broker, &(0..20).map(|n| note(&format!("r{n}"), 0)).collect::<Vec<_>>()).await;
    let mut all = Vec::new();
    for n in 0..20 {
        let ask = Fetch { worker: worker("w"), session: None, max: 1, wait: Duration::from_secs(5) };
        let short = Duration::from_millis(2 * n);
        if let Ok(got) = tokio::time::timeout(short, broker.fetch(&group, ask)).await {
            let got = got.expect("an answer").deliveries;
            settle(&*broker, &group, &got, &Verdict::Ack).await;
            all.extend(ids(&got).into_iter().map(str::to_owned));
        }
    }
    if all.len() < 20 {
        let rest = drain(&*broker, &group, "w", 20 - all.len()).await;
        all.extend(ids(&rest).into_iter().map(str::to_owned));
    }
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (20, 20), "each of them, once");
}

/// Every group that is made gets what was published before it and after, at its own pace.
pub async fn a_new_group_gets_the_old_events(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    publish(&*broker, &[note("a", 0)]).await;
    let mut groups = Vec::new();
    for n in 1..4 {
        publish(&*broker, &[note("a", n)]).await;
        groups.push(make(&*broker, &format!("new{n}")).await);
    }
    for group in &groups {
        let got = drain(&*broker, group, "w", 4).await;
        same(&ids(&got), &(0..4).map(|n| id("a", n)).collect::<Vec<_>>());
        nothing_left(&*broker, group, "w").await;
    }
}
