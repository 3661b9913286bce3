//! The relay: from the outbox to the broker.
//!
//! One loop: look at what may be published, publish it, mark it, and wait until something is enqueued. Several relays
//! divide the runs among themselves.

mod deliver;
mod fetch;
mod settle;
mod shares;
mod status;
mod upkeep;
mod wake;

use std::{fmt, sync::Arc, time::Duration};

use headwater_broker::{Error as BrokerError, EventPublisher};
use headwater_store::Backoff;
use sqlx::PgPool;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{AfterParked, RelayOptions};
use crate::{Error, error::within, metric_definitions as m, migrate};
use deliver::{Delivered, Delivery, Refusal};
use fetch::{Fetcher, Page, Row};
use settle::Settler;
use shares::Shares;
pub use status::{RelayState, RelayStatus};
use wake::Wake;

/// The first pause before what waits for a transaction is looked at again.
const GLANCE: Duration = Duration::from_millis(5);
/// After so many failures in a row each run is tried by itself.
const SUSPECT: u32 = 2;

/// Carries events from the outbox to a broker.
///
/// Its pool needs four connections: one is listened on, one is for upkeep.
pub struct Relay<P: ?Sized = dyn EventPublisher> {
    options: RelayOptions,
    pool: PgPool,
    fetcher: Fetcher,
    settler: Settler,
    shares: Shares,
    backoff: Backoff,
    status: watch::Sender<RelayStatus>,
    broker: Arc<P>,
}

/// What a round did.
enum Round {
    /// It published or parked, and there is more.
    Worked,
    /// There is nothing, or what there is waits for a transaction that still runs.
    Idle { waits: bool },
    /// Broker or database is away.
    Failed,
}

impl<P: EventPublisher + ?Sized> Relay<P> {
    /// A relay; nothing happens before [`run`](Self::run).
    pub fn new(pool: PgPool, broker: Arc<P>, options: RelayOptions) -> Self {
        Self {
            fetcher: Fetcher::new(pool.clone(), &options),
            settler: Settler::new(pool.clone(), &options),
            shares: Shares::new(pool.clone(), &options.schema, &options.name, options.lease),
            backoff: Backoff::new(options.backoff.0, options.backoff.1),
            status: watch::Sender::new(RelayStatus::starting()),
            pool,
            broker,
            options,
        }
    }

    /// How it is doing, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<RelayStatus> {
        self.status.subscribe()
    }

    /// Works until `stop` is cancelled: then what is under way is finished and marked, and the share is handed over.
    /// While broker or database is away it tries again and says so. Dropping the future instead is safe too: what was
    /// not marked is published again, and the share passes when the lease has.
    ///
    /// # Errors
    /// Before it begins: [`Error::SchemaMissing`], [`Error::SchemaTooNew`], or the database does not answer. Afterwards:
    /// the schema is gone.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        migrate::check(&self.pool, &self.options.schema).await?;
        let wake = Wake::listen(self.pool.clone(), self.options.schema.channel());
        let upkeep = tokio::spawn(upkeep::run(self.pool.clone(), self.options.clone()));
        let done = self.work(&wake, &stop).await;
        upkeep.abort();
        let left = within(self.options.lease, self.shares.leave()).await;
        metrics::gauge!(m::SLOTS).set(0.0);
        self.status.send_modify(|status| {
            status.state = RelayState::Stopped;
            status.slots = 0;
        });
        if let Err(error) = left {
            tracing::debug!(%error, "the share of the outbox passes with its lease");
        }
        done
    }

    async fn work(&mut self, wake: &Wake, stop: &CancellationToken) -> Result<(), Error> {
        let mut glance = GLANCE;
        // Whether the table is looked at though the watermark stands.
        let mut sure = true;
        while !stop.is_cancelled() {
            let round = match self.round(sure).await {
                Ok(round) => round,
                Err(error) if error.is_config() => return Err(error),
                Err(error) => {
                    self.failed(RelayState::DatabaseAway, error.code(), &error.to_string());
                    Round::Failed
                }
            };
            sure = false;
            let renewal = self.shares.due();
            match round {
                Round::Worked => glance = GLANCE,
                Round::Failed => {
                    let pause = self.backoff.next();
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                    sure = true;
                }
                Round::Idle { waits } => {
                    let pause = if waits { glance.min(self.options.poll) } else { self.options.poll };
                    glance = if waits { (glance * 2).min(self.options.poll) } else { GLANCE };
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = wake.next() => {}
                        () = tokio::time::sleep(pause) => sure = pause >= self.options.poll,
                        () = tokio::time::sleep_until(renewal) => {}
                    }
                }
            }
        }
        Ok(())
    }

    async fn round(&mut self, sure: bool) -> Result<Round, Error> {
        if Instant::now() >= self.shares.due() {
            within(self.options.lease, self.shares.divide()).await?;
            let slots = self.shares.slots().len();
            metrics::gauge!(m::SLOTS).set(slots as f64);
            self.status.send_modify(|status| status.slots = slots);
        }
        if self.shares.slots().is_empty() {
            self.well();
            return Ok(Round::Idle { waits: false });
        }
        let page = within(self.options.lease, self.fetcher.page(self.shares.slots(), sure)).await?;
        self.park(page.broken.iter().map(|(seq, why)| Refusal::broken(*seq, why)).collect()).await?;
        if page.rows.is_empty() {
            self.well();
            return Ok(if page.more { Round::Worked } else { Round::Idle { waits: page.waits } });
        }
        if !self.shares.hold() {
            // The database took so long that the share may have passed to another.
            return Ok(Round::Worked);
        }
        let delivered = self.deliver(&page).await;
        // What was published and is not marked is published again: the broker knows it.
        within(self.options.lease, self.settle(&page, delivered)).await
    }

    /// Publishes a page and keeps the share meanwhile.
    async fn deliver(&mut self, page: &Page) -> Delivered {
        let hold = self.options.after_parked == AfterParked::Hold;
        let tried = page.rows.iter().any(|row| row.attempts > 0);
        let failures = self.status.borrow().failures;
        let broker = Arc::clone(&self.broker);
        let publishing = async {
            let delivery = Delivery::new(&*broker, &page.rows, hold);
            match tried || failures >= SUSPECT {
                true => delivery.by_run(failures).await,
                false => delivery.together().await,
            }
        };
        tokio::pin!(publishing);
        let mut renewal = tokio::time::interval(self.shares.every());
        renewal.tick().await;
        loop {
            tokio::select! {
                delivered = &mut publishing => return delivered,
                _ = renewal.tick() => {
                    if let Err(error) = within(self.options.lease, self.shares.renew()).await {
                        tracing::debug!(%error, "the share of the outbox was not renewed");
                    }
                }
            }
        }
    }

    /// Writes down what became of a page.
    async fn settle(&mut self, page: &Page, delivered: Delivered) -> Result<Round, Error> {
        let published: Vec<&Row> = delivered.published.iter().map(|at| &page.rows[*at]).collect();
        if !published.is_empty() {
            let seqs: Vec<i64> = published.iter().map(|row| row.seq).collect();
            self.settler.published(&seqs).await?;
            let delay = metrics::histogram!(m::DELAY);
            published.iter().for_each(|row| delay.record(row.age().as_secs_f64()));
            metrics::counter!(m::PUBLISHED).increment(seqs.len() as u64);
            self.status.send_modify(|status| status.published += seqs.len() as u64);
        }
        self.park(delivered.refused).await?;
        for (at, error) in delivered.failed {
            self.retry(&page.rows[at], &error).await?;
        }
        if let Some(error) = delivered.away {
            self.failed(RelayState::BrokerAway, error.code(), &error.to_string());
            return Ok(Round::Failed);
        }
        self.well();
        // What was enqueued since has given notice since.
        Ok(if page.more { Round::Worked } else { Round::Idle { waits: page.waits } })
    }

    async fn park(&self, refused: Vec<Refusal>) -> Result<(), Error> {
        if refused.is_empty() {
            return Ok(());
        }
        let parked = self.settler.park(&refused).await?;
        for refusal in &refused {
            metrics::counter!(m::NEWLY_PARKED, "code" => refusal.code.clone()).increment(1);
            tracing::warn!(seq = refusal.seq, code = refusal.code, reason = refusal.reason, "parked");
        }
        self.status.send_modify(|status| status.parked += parked);
        Ok(())
    }

    /// One run failed while others did not: it waits, and is parked when that goes on.
    async fn retry(&self, row: &Row, error: &BrokerError) -> Result<(), Error> {
        if row.attempts + 1 >= self.options.max_attempts {
            let reason = format!("given up after {} attempts: {error}", row.attempts + 1);
            let refusal = Refusal { seq: row.seq, code: error.code().to_owned(), reason };
            return self.park(vec![refusal]).await;
        }
        let (min, max) = self.options.backoff;
        self.settler.retry(row.seq, min.saturating_mul(1 << row.attempts.min(20)).min(max)).await
    }

    fn well(&mut self) {
        self.backoff.reset();
        self.status.send_if_modified(|status| {
            let changed = status.state != RelayState::Working;
            status.state = RelayState::Working;
            status.failures = 0;
            status.detail.clear();
            changed
        });
    }

    fn failed(&self, state: RelayState, code: &str, detail: &str) {
        metrics::counter!(m::FAILURES, "code" => code.to_owned()).increment(1);
        self.status.send_modify(|status| {
            if status.state != state {
                tracing::warn!(?state, code, detail, "the outbox waits");
            }
            status.state = state;
            status.failures = status.failures.saturating_add(1);
            detail.clone_into(&mut status.detail);
        });
    }
}

impl Refusal {
    /// A row that is no event.
    fn broken(seq: i64, why: &str) -> Self {
        Self { seq, code: "corrupt".to_owned(), reason: format!("the stored event cannot be read: {why}") }
    }
}

impl<P: ?Sized> fmt::Debug for Relay<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("options", &self.options).finish_non_exhaustive()
    }
}
