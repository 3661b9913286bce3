//! What a worker does about time: long handlers, lost leases, drains, brokers that are away.
#![allow(clippy::unwrap_used)]

mod kit;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use headwater_broker::{
    Broker, ConsumerGroups, DeadLetter, DeadLetterFilter, Error, Fetch, Fetched, Group, GroupConfig,
    GroupInfo, Lease, Refused, Settlement, Start, WorkerName,
};
use headwater_events::{Position, Tenant};
use headwater_store::Error as StoreError;
use headwater_worker::{Context, Phase, Stopped, WorkerSet, handler_fn};
use kit::{LEASE, broker, group, hasty, ms, note, publish, settled, until, worker};
use tokio::sync::Notify;

/// A broker's groups, of which some calls fail while they are told to.
struct Flaky {
    broker: Arc<Broker>,
    away: AtomicBool,
    no_extend: AtomicBool,
    fetches: AtomicU32,
}

impl Flaky {
    fn over(broker: &Arc<Broker>) -> Arc<Self> {
        Arc::new(Self {
            broker: Arc::clone(broker),
            away: AtomicBool::new(false),
            no_extend: AtomicBool::new(false),
            fetches: AtomicU32::new(0),
        })
    }

    fn here(&self) -> Result<&Broker, Error> {
        let away = self.away.load(Ordering::SeqCst);
        if away { Err(StoreError::unavailable("the broker is away").into()) } else { Ok(&self.broker) }
    }
}

#[async_trait]
impl ConsumerGroups for Flaky {
    async fn put_group(&self, group: &Group, start: Start, config: GroupConfig) -> Result<bool, Error> {
        self.here()?.put_group(group, start, config).await
    }
    async fn delete_group(&self, group: &Group) -> Result<bool, Error> {
        self.here()?.delete_group(group).await
    }
    async fn groups(&self, tenant: Option<&Tenant>) -> Result<Vec<GroupInfo>, Error> {
        self.here()?.groups(tenant).await
    }
    async fn group(&self, group: &Group) -> Result<Option<GroupInfo>, Error> {
        self.here()?.group(group).await
    }
    async fn fetch(&self, group: &Group, fetch: Fetch) -> Result<Fetched, Error> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.here()?.fetch(group, fetch).await
    }
    async fn settle(&self, group: &Group, all: Vec<Settlement>) -> Result<Vec<Result<(), Refused>>, Error> {
        self.here()?.settle(group, all).await
    }
    async fn extend(&self, group: &Group, leases: &[Lease]) -> Result<Vec<Result<(), Refused>>, Error> {
        if self.no_extend.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("no extending").into());
        }
        self.here()?.extend(group, leases).await
    }
    async fn leave(&self, group: &Group, worker: &WorkerName) -> Result<(), Error> {
        self.here()?.leave(group, worker).await
    }
    async fn dead_letters(
        &self,
        group: &Group,
        filter: &DeadLetterFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        self.here()?.dead_letters(group, filter, after, limit).await
    }
    async fn replay(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.here()?.replay(group, filter).await
    }
    async fn discard(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.here()?.discard(group, filter).await
    }
}

/// A handler that is told of, and waits until it may go on.
#[derive(Clone, Default)]
struct Gate {
    begun: Arc<Mutex<Vec<Context>>>,
    go: Arc<Notify>,
}

impl Gate {
    fn handler(&self) -> impl headwater_worker::Handler {
        let gate = self.clone();
        handler_fn(move |_, context: Context| {
            let gate = gate.clone();
            async move {
                gate.begun.lock().unwrap().push(context);
                gate.go.notified().await;
                gate.go.notify_one();
                Ok(())
            }
        })
    }

    fn count(&self) -> usize {
        self.begun.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_handler_of_three_leases_is_called_once() {
    let broker = broker().await;
    publish(&broker, &[note("a", 0)]).await;
    let gate = Gate::default();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let worker = hasty(broker.clone(), "long").build(gate.handler()).unwrap();
    let running = tokio::spawn(worker.run(async move { stopped.notified().await }));
    until("it begins", async || gate.count() == 1).await;
    let first = gate.begun.lock().unwrap()[0].deadline();
    tokio::time::sleep(LEASE * 3).await;
    let context = gate.begun.lock().unwrap()[0].clone();
    assert!(context.deadline() > first, "its lease was extended");
    assert!(context.stopped().is_none() && !context.cancellation().is_cancelled());
    gate.go.notify_one();
    settled(&broker, "long").await;
    stop.notify_one();
    let report = running.await.unwrap().unwrap();
    assert_eq!((gate.count(), report.succeeded, report.lost), (1, 1, 0));
}

#[tokio::test]
async fn a_handler_whose_lease_cannot_be_kept_is_told_and_the_event_comes_again() {
    let broker = broker().await;
    publish(&broker, &[note("a", 0)]).await;
    let flaky = Flaky::over(&broker);
    flaky.no_extend.store(true, Ordering::SeqCst);
    let gate = Gate::default();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let worker = hasty(flaky.clone(), "lost").build(gate.handler()).unwrap();
    let running = tokio::spawn(worker.run(async move { stopped.notified().await }));
    until("it begins", async || gate.count() == 1).await;
    let first = gate.begun.lock().unwrap()[0].clone();
    first.cancellation().cancelled().await;
    assert_eq!(first.stopped(), Some(Stopped::LeaseLost));
    until("it comes again", async || gate.count() >= 2).await;
    assert_eq!(gate.begun.lock().unwrap()[1].attempt(), 2);
    flaky.no_extend.store(false, Ordering::SeqCst);
    gate.go.notify_one();
    settled(&broker, "lost").await;
    stop.notify_one();
    let report = running.await.unwrap().unwrap();
    assert!(report.lost >= 1 && report.succeeded >= 1, "{report:?}");
}

#[tokio::test]
async fn a_drain_finishes_what_runs_and_hands_back_the_rest_unspent() {
    let broker = broker().await;
    let events: Vec<_> = (0..40).map(|run| note(&format!("r{run}"), 0)).collect();
    publish(&broker, &events).await;
    let gate = Gate::default();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let first = worker(broker.clone(), "drain").concurrency(8).build(gate.handler()).unwrap();
    let mut status = first.status();
    let running = tokio::spawn(first.run(async move { stopped.notified().await }));
    until("all slots are taken", async || gate.count() == 8).await;
    stop.notify_one();
    status.wait_for(|status| status.phase == Phase::Draining).await.unwrap();
    gate.go.notify_one();
    let report = running.await.unwrap().unwrap();
    assert_eq!((report.succeeded, report.cut_off, report.unsettled), (8, 0, 0), "{report:?}");
    assert_eq!(gate.count(), 8, "nothing was begun after the stop");
    // Another worker gets the rest at once, every one with its first attempt.
    let second = Gate::default();
    second.go.notify_one();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let worker = worker(broker.clone(), "drain").build(second.handler()).unwrap();
    let running = tokio::spawn(worker.run(async move { stopped.notified().await }));
    settled(&broker, "drain").await;
    stop.notify_one();
    running.await.unwrap().unwrap();
    let attempts: Vec<_> = second.begun.lock().unwrap().iter().map(Context::attempt).collect();
    assert_eq!(attempts, [1; 32]);
}

#[tokio::test]
async fn a_handler_that_outlasts_the_drain_is_told_and_its_event_comes_again() {
    let broker = broker().await;
    publish(&broker, &[note("a", 0)]).await;
    let gate = Gate::default();
    let worker1 = worker(broker.clone(), "cut").drain_timeout(ms(50)).build(gate.handler()).unwrap();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let running = tokio::spawn(worker1.run(async move { stopped.notified().await }));
    until("it begins", async || gate.count() == 1).await;
    stop.notify_one();
    let report = running.await.unwrap().unwrap();
    assert_eq!((report.cut_off, report.unsettled), (1, 0), "{report:?}");
    assert_eq!(gate.begun.lock().unwrap()[0].stopped(), Some(Stopped::Shutdown));
    let fetch =
        Fetch { worker: "next".parse().unwrap(), session: None, max: 1, wait: Duration::from_secs(10) };
    let again = broker.fetch(&group("cut"), fetch).await.unwrap().deliveries;
    assert_eq!((again.len(), again[0].attempt), (1, 2));
}

#[tokio::test]
async fn a_broker_that_goes_away_is_waited_for_and_other_groups_go_on() {
    let broker = broker().await;
    publish(&broker, &[note("a", 0)]).await;
    let flaky = Flaky::over(&broker);
    flaky.away.store(true, Ordering::SeqCst);
    let (one, two) = (Gate::default(), Gate::default());
    one.go.notify_one();
    two.go.notify_one();
    let away = worker(flaky.clone(), "away").build(one.handler()).unwrap();
    let fine = worker(broker.clone(), "fine").build(two.handler()).unwrap();
    let mut status = away.status();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let set = WorkerSet::new().with(away).with(fine);
    let running = tokio::spawn(set.run(async move { stopped.notified().await }));
    settled(&broker, "fine").await;
    let waiting = status.wait_for(|status| status.phase == Phase::Waiting).await.unwrap().clone();
    assert!(waiting.error.unwrap().contains("the broker is away"));
    assert_eq!(one.count(), 0);
    flaky.away.store(false, Ordering::SeqCst);
    status.wait_for(|status| status.phase == Phase::Working).await.unwrap();
    settled(&broker, "away").await;
    // Away in the middle: what was handled meanwhile is told later, not again.
    flaky.away.store(true, Ordering::SeqCst);
    status.wait_for(|status| status.phase == Phase::Waiting).await.unwrap();
    let before = flaky.fetches.load(Ordering::SeqCst);
    tokio::time::sleep(ms(300)).await;
    let tries = flaky.fetches.load(Ordering::SeqCst) - before;
    assert!(tries <= 20, "{tries} tries in 300 ms");
    publish(&broker, &[note("b", 0)]).await;
    flaky.away.store(false, Ordering::SeqCst);
    settled(&broker, "away").await;
    stop.notify_one();
    let ended = running.await.unwrap();
    assert_eq!(ended.len(), 2);
    for one in ended {
        assert_eq!(one.outcome.expect("no error").failed, 0);
    }
    assert_eq!(one.count(), 2);
}

#[tokio::test]
async fn workers_join_and_leave_while_events_are_handled() {
    let broker = broker().await;
    let events: Vec<_> = (0..20).flat_map(|n| (0..50).map(move |run| note(&format!("r{run}"), n))).collect();
    publish(&broker, &events).await;
    let seen: kit::Seen = Arc::default();
    let handler = |seen: &kit::Seen| {
        let seen = Arc::clone(seen);
        handler_fn(move |event, context: Context| {
            let seen = Arc::clone(&seen);
            async move {
                tokio::time::sleep(ms(2)).await;
                seen.lock().unwrap().push((event.id().to_owned(), context.attempt()));
                Ok(())
            }
        })
    };
    let steady = Arc::new(Notify::new());
    let stopped = Arc::clone(&steady);
    let first = worker(broker.clone(), "moving").concurrency(8).build(handler(&seen)).unwrap();
    let running = tokio::spawn(first.run(async move { stopped.notified().await }));
    for _ in 0..5 {
        let guest = worker(broker.clone(), "moving").concurrency(8).build(handler(&seen)).unwrap();
        let report = guest.run(tokio::time::sleep(ms(150))).await.unwrap();
        assert_eq!((report.lost, report.unsettled), (0, 0), "{report:?}");
    }
    settled(&broker, "moving").await;
    steady.notify_one();
    running.await.unwrap().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1000, "each came once");
    for run in 0..50 {
        let ids: Vec<_> = seen
            .iter()
            .filter(|(id, _)| id.starts_with(&format!("r{run}/")))
            .map(|(id, _)| id.clone())
            .collect();
        assert_eq!(ids, (0..20).map(|n| format!("r{run}/{n}")).collect::<Vec<_>>(), "in order");
    }
}
