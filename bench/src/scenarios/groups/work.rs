//! The work: by the handler runtime, and by the calls it makes alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use headwater_broker::{
    Broker, ConsumerGroups, EventBroker as _, Fetch, Group, GroupConfig, Settlement, Start, Verdict,
};
use headwater_events::Tenant;
use headwater_worker::{Worker, WorkerSet, handler_fn};
use tokio::{sync::Notify, task::JoinSet};

use super::{SLOTS, WORKERS};
use crate::process::cpu_seconds;

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    /// Events a second, from the first fetch to the last ack.
    pub(super) rate: f64,
    /// What one event cost the process, in microseconds of CPU.
    pub(super) cpu_us: f64,
}

/// Time and CPU since it was made.
struct Meter {
    begin: Instant,
    cpu: f64,
}

impl Meter {
    fn start() -> Result<Self> {
        Ok(Self { begin: Instant::now(), cpu: cpu_seconds("self")? })
    }

    fn figures(&self, count: usize) -> Result<Figures> {
        let rate = count as f64 / self.begin.elapsed().as_secs_f64();
        Ok(Figures { rate, cpu_us: (cpu_seconds("self")? - self.cpu) * 1e6 / count as f64 })
    }
}

fn group() -> Result<Group> {
    Ok(Group::of(Tenant::default(), "bench".parse()?))
}

/// By workers whose handler does nothing.
pub(super) async fn by_workers(broker: Arc<Broker>, count: usize) -> Result<Figures> {
    let (handled, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut set = WorkerSet::new();
    for _ in 0..WORKERS {
        let (handled, all) = (Arc::clone(&handled), Arc::clone(&all));
        let handler = handler_fn(move |_, _| {
            if handled.fetch_add(1, Ordering::Relaxed) + 1 == count {
                all.notify_one();
            }
            async { Ok(()) }
        });
        let groups: Arc<dyn ConsumerGroups> = broker.clone();
        set = set.with(Worker::builder(groups, group()?).concurrency(SLOTS).build(handler)?);
    }
    broker.put_group(&group()?, Start::Earliest, GroupConfig::default()).await?;
    let meter = Meter::start()?;
    // The drain at the end settles what is handled.
    let ended = set.run(async move { all.notified().await }).await;
    let figures = meter.figures(count)?;
    for one in ended {
        let report = one.outcome?;
        anyhow::ensure!(report.failed + report.lost + report.unsettled == 0, "{report:?}");
    }
    broker.close().await?;
    Ok(figures)
}

/// By the same calls: what was fetched is settled while more is fetched.
pub(super) async fn by_calls(broker: Arc<Broker>, count: usize) -> Result<Figures> {
    broker.put_group(&group()?, Start::Earliest, GroupConfig::default()).await?;
    let acked = Arc::new(AtomicUsize::new(0));
    let meter = Meter::start()?;
    let mut workers = JoinSet::new();
    for n in 0..WORKERS {
        let (broker, acked, group) = (Arc::clone(&broker), Arc::clone(&acked), group()?);
        workers.spawn(async move {
            let name: headwater_broker::WorkerName = format!("calls-{n}").parse()?;
            let mut settlements = Vec::new();
            while acked.load(Ordering::Relaxed) < count {
                let fetch = Fetch {
                    worker: name.clone(),
                    session: None,
                    max: SLOTS,
                    wait: Duration::from_millis(100),
                };
                let told = std::mem::take(&mut settlements);
                let done = told.len();
                let settle =
                    async { if done == 0 { Ok(Vec::new()) } else { broker.settle(&group, told).await } };
                let (fetched, settled) = tokio::join!(broker.fetch(&group, fetch), settle);
                anyhow::ensure!(settled?.iter().all(Result::is_ok), "a lease was lost");
                acked.fetch_add(done, Ordering::Relaxed);
                let got = fetched?.deliveries;
                settlements = got
                    .iter()
                    .map(|leased| Settlement { lease: leased.lease, verdict: Verdict::Ack })
                    .collect();
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let figures = meter.figures(count)?;
    broker.close().await?;
    Ok(figures)
}
