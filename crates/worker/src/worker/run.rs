//! A worker's life: join, fetch, drain.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use headwater_broker::{
    Error as BrokerError, Fetch, Fetched, GroupConfig, Settlement, Start, Verdict, WorkerName,
};
use headwater_store::Error as StoreError;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Report,
    builder::OnGap,
    heartbeat::{self, LeaseLength},
    pool::Pool,
    status::Phase,
};
use crate::{Context, Error};

/// How long a fetch waits for the first event: a worker that is to stop waits for its last one.
const WAIT: Duration = Duration::from_secs(1);
/// The most events of one fetch.
const MAX_FETCH: usize = 1000;
/// How long handlers have that were told to stop, and how long the last words to the broker may take.
const GRACE: Duration = Duration::from_secs(2);

/// Everything a worker needs to run.
pub(super) struct Run {
    pub(super) pool: Arc<Pool>,
    pub(super) name: WorkerName,
    pub(super) session: u64,
    pub(super) create: Option<(Start, GroupConfig)>,
    pub(super) drain_timeout: Duration,
    pub(super) on_gap: Option<OnGap>,
}

impl Run {
    pub(super) async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<Report, Error> {
        let mut stop = pin!(stop);
        let lease = Arc::new(LeaseLength::new());
        let joined = tokio::select! {
            biased;
            () = &mut stop => None,
            joined = self.join(&lease) => Some(joined?),
        };
        let mut report = Ok(());
        if joined.is_some() {
            let _cut = CutOnDrop(Arc::clone(&self.pool));
            let mut beside = JoinSet::new();
            let (pool, length) = (Arc::clone(&self.pool), Arc::clone(&lease));
            beside.spawn(async move { heartbeat::run(&pool.link, &pool.flights, &length).await });
            let pool = Arc::clone(&self.pool);
            beside.spawn(async move { pool.settler.run(&pool.link).await });
            report = self.fetch_until(stop.as_mut(), &lease).await;
            self.drain().await;
        }
        let link = &self.pool.link;
        link.status.set(Phase::Stopped, None);
        link.meters.busy.set(0.0);
        report.map(|()| link.meters.report(self.pool.settler.len()))
    }

    /// Finds the group, or creates it.
    async fn join(&self, lease: &LeaseLength) -> Result<(), Error> {
        let link = &self.pool.link;
        let mut failures = 0;
        loop {
            match self.found().await {
                Ok(config) => {
                    lease.set(config.lease);
                    link.status.works(&link.meters);
                    return Ok(());
                }
                Err(error) if is_final(&error) => return Err(error.into()),
                Err(error) => {
                    failures += 1;
                    tracing::warn!(group = %link.group, %error, "the group cannot be joined yet");
                    link.status.waits(&link.meters, &error);
                    tokio::time::sleep(link.backoff.after(failures, link.random.fraction())).await;
                }
            }
        }
    }

    async fn found(&self) -> Result<GroupConfig, BrokerError> {
        let link = &self.pool.link;
        if let Some(info) = link.groups.group(&link.group).await? {
            return Ok(info.config);
        }
        let (start, config) = self.create.clone().ok_or(BrokerError::NoGroup)?;
        if link.groups.put_group(&link.group, start, config.clone()).await? {
            tracing::info!(group = %link.group, "the group is new");
        }
        Ok(config)
    }

    /// Fetches and hands to the pool until it is to stop.
    async fn fetch_until(
        &self,
        mut stop: std::pin::Pin<&mut (impl Future<Output = ()> + Send)>,
        lease: &LeaseLength,
    ) -> Result<(), Error> {
        let link = &self.pool.link;
        let mut failures = 0;
        loop {
            let free = tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                free = self.pool.free() => free,
            };
            let fetch = Fetch {
                worker: self.name.clone(),
                session: Some(self.session),
                max: free.min(MAX_FETCH),
                wait: WAIT.min(lease.get() / 3),
            };
            let mut fetching = link.groups.fetch(&link.group, fetch);
            let fetched = tokio::select! {
                biased;
                () = &mut stop => {
                    // What is on its way is not left to age: it is handed back.
                    link.status.set(Phase::Draining, None);
                    if let Ok(Ok(fetched)) = timeout(WAIT + GRACE, fetching).await {
                        self.hand_back(&fetched);
                    }
                    return Ok(());
                }
                fetched = &mut fetching => fetched,
            };
            match fetched {
                Ok(fetched) => {
                    if failures > 0 {
                        tracing::info!(group = %link.group, "the broker answers again");
                    }
                    failures = 0;
                    link.status.works(&link.meters);
                    self.tell(&fetched);
                    self.take(fetched, lease.get());
                }
                Err(error) if is_final(&error) => return Err(error.into()),
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(group = %link.group, %error, "no work can be fetched; trying again");
                    }
                    link.status.waits(&link.meters, &error);
                    tokio::select! {
                        () = &mut stop => return Ok(()),
                        () = tokio::time::sleep(link.backoff.after(failures, link.random.fraction())) => {}
                    }
                    // The group may have been given another lease meanwhile.
                    if let Ok(Some(info)) = link.groups.group(&link.group).await {
                        lease.set(info.config.lease);
                    }
                }
            }
        }
    }

    fn take(&self, fetched: Fetched, lease: Duration) {
        if fetched.deliveries.is_empty() {
            return;
        }
        let deadline = Instant::now() + lease;
        let group = &self.pool.link.group;
        let contexts = fetched.deliveries.into_iter();
        self.pool.begin(contexts.map(|leased| Context::new(Arc::clone(group), leased, deadline)).collect());
    }

    fn tell(&self, fetched: &Fetched) {
        let link = &self.pool.link;
        for gap in &fetched.gaps {
            link.meters.gap(gap);
            tracing::warn!(group = %link.group, lane = gap.lane, from = %gap.from, to = %gap.to, reason = %gap.reason,
                "the group will never see what was here");
            if let Some(told) = &self.on_gap {
                told(gap);
            }
        }
    }

    fn hand_back(&self, fetched: &Fetched) {
        self.tell(fetched);
        self.pool.link.meters.released(fetched.deliveries.len());
        let released = fetched
            .deliveries
            .iter()
            .map(|leased| Settlement { lease: leased.lease, verdict: Verdict::Release });
        self.pool.settler.extend(released);
    }

    /// Lets handlers finish, tells what became of them, and leaves the group.
    async fn drain(&self) {
        let (pool, link) = (&self.pool, &self.pool.link);
        link.status.set(Phase::Draining, None);
        pool.drain();
        let deadline = Instant::now() + self.drain_timeout;
        if timeout_at(deadline, pool.idle()).await.is_err() {
            tracing::warn!(group = %link.group, "the drain timeout has passed: handlers are stopped, their events come again");
            pool.cut();
            if timeout(GRACE, pool.idle()).await.is_err() {
                tracing::error!(group = %link.group, "handlers block their threads and cannot be stopped");
            }
        }
        let last = deadline.max(Instant::now() + GRACE);
        if timeout_at(last, pool.settler.flush(link)).await.is_err() {
            tracing::error!(group = %link.group, verdicts = pool.settler.len(),
                "the broker does not take the last verdicts: their events come again");
        }
        match timeout(GRACE, link.groups.leave(&link.group, &self.name)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(group = %link.group, %error, "the group was not told that the worker left");
            }
            Err(_) => {
                tracing::warn!(group = %link.group, "the group was not told in time that the worker left");
            }
        }
    }
}

/// Whether asking again will never help.
fn is_final(error: &BrokerError) -> bool {
    match error {
        BrokerError::BadGroup { .. } | BrokerError::ForeignCursor | BrokerError::BadCursor => true,
        BrokerError::Store(error) => {
            matches!(error, StoreError::Closed | StoreError::Unsupported { .. } | StoreError::Config { .. })
        }
        BrokerError::Remote { status, .. } => matches!(status, 400..=403),
        _ => false,
    }
}

/// A worker whose future is dropped leaves no handler behind.
struct CutOnDrop(Arc<Pool>);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.cut();
    }
}
