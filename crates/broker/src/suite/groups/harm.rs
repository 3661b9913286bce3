//! Servers that come to harm under workers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use headwater_store::suite::{Harm, report};

use super::kit::{each, group, quick, worker};
use crate::{
    EventBroker, Fetch, Group, GroupConfig, Start, Verdict,
    suite::{
        Factory,
        faults::open,
        kit::{id, note, publish_all},
    },
};

const RUNS: usize = 20;
const EACH: usize = 30;
const BACK: Duration = Duration::from_secs(120);

/// What was handled, run by run, in order.
type Handled = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// Handles and acks until everything was acked, whatever the server does meanwhile. What the broker cannot say is asked
/// again.
async fn work(broker: Arc<dyn EventBroker>, group: Group, n: usize, handled: Handled, done: Arc<AtomicBool>) {
    while !done.load(Ordering::SeqCst) {
        let ask = Fetch {
            worker: worker(&format!("w{n}")),
            session: None,
            max: 5,
            wait: Duration::from_millis(100),
        };
        let Ok(fetched) = broker.fetch(&group, ask).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let got = fetched.deliveries;
        {
            let mut handled = handled.lock().expect("no panic");
            for leased in &got {
                handled
                    .entry(leased.event().stream().to_owned())
                    .or_default()
                    .push(leased.event().id().to_owned());
            }
        }
        // Slow enough that harm is done in the middle.
        tokio::time::sleep(Duration::from_millis(20)).await;
        while broker.settle(&group, each(&got, &Verdict::Ack)).await.is_err() && !done.load(Ordering::SeqCst)
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn under(factory: &dyn Factory, harm: Harm) {
    let Some(subject) = open(factory).await else { return };
    let faults = subject.faults().expect("it was there");
    let broker = subject.broker();
    let group = group("harmed");
    let config = GroupConfig { max_attempts: 1000, ..quick() };
    broker.put_group(&group, Start::Earliest, config).await.expect("a group");
    let events: Vec<_> = (0..RUNS * EACH).map(|n| note(&format!("h{}", n % RUNS), n / RUNS)).collect();
    publish_all(&*broker, &events).await;
    let (handled, done) = (Handled::default(), Arc::new(AtomicBool::new(false)));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..3 {
        tasks.spawn(work(Arc::clone(&broker), group.clone(), n, Arc::clone(&handled), Arc::clone(&done)));
    }
    let distinct = || {
        let handled = handled.lock().expect("no panic");
        handled.values().flatten().collect::<BTreeSet<_>>().len()
    };
    for third in [1, 2] {
        let start = Instant::now();
        while distinct() < RUNS * EACH * third / 3 {
            assert!(start.elapsed() < BACK, "the workers do not get on: {}", distinct());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !harm.to(faults).await {
            done.store(true, Ordering::SeqCst);
            return report::skip(harm.cannot());
        }
    }
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < BACK, "{} of {} were handled", distinct(), RUNS * EACH);
        let info = broker.group(&group).await.ok().flatten();
        let idle =
            info.is_some_and(|info| info.in_flight + info.waiting == 0 && info.oldest_unacked_ms.is_none());
        if distinct() == RUNS * EACH && idle {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    done.store(true, Ordering::SeqCst);
    while let Some(task) = tasks.join_next().await {
        task.expect("no panic");
    }
    for (run, ids) in handled.lock().expect("no panic").iter() {
        let mut first = BTreeSet::new();
        let order: Vec<_> = ids.iter().filter(|id| first.insert((*id).clone())).cloned().collect();
        assert_eq!(
            order,
            (0..EACH).map(|n| id(run, n)).collect::<Vec<_>>(),
            "whatever comes again, nothing overtakes"
        );
    }
}

/// The server restarts twice under workers: everything is handled, in order, and the group comes to its end.
pub async fn restarts_lose_no_work(factory: &dyn Factory) {
    under(factory, Harm::Restart).await;
}

/// The server is killed twice under workers.
pub async fn kills_lose_no_work(factory: &dyn Factory) {
    under(factory, Harm::Kill).await;
}
