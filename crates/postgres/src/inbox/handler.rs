//! A worker's handler that has one effect for each event.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use headwater_events::Event;
use headwater_worker::{Context, Handler, Outcome};
use sqlx::{PgPool, Postgres, Transaction};

use super::{Claim, Inbox};
use crate::{Error, failure};

/// How long an event waits with its handler while the database is away, before it is handed back.
const AWAY: Duration = Duration::from_secs(1);

/// The effect of an event, written in the transaction that it is given. Every
/// `async fn(&mut Transaction<'_, Postgres>, &Event) -> Outcome` is one.
pub trait Effect: Send + Sync + 'static {
    /// Writes the effect. What is written stands once this has returned `Ok` and the transaction has committed, and
    /// together with the note that the event was handled; any error rolls both back.
    fn write(
        &self,
        tx: &mut Transaction<'static, Postgres>,
        event: &Event,
    ) -> impl Future<Output = Outcome> + Send;
}

/// A function that takes a transaction and an event for as long as `'a`.
pub trait EffectFn<'a>: Send + Sync + 'static {
    /// What it returns.
    type Future: Future<Output = Outcome> + Send + 'a;
    /// Calls it.
    fn call(&self, tx: &'a mut Transaction<'static, Postgres>, event: &'a Event) -> Self::Future;
}

impl<'a, F, R> EffectFn<'a> for F
where
    F: Fn(&'a mut Transaction<'static, Postgres>, &'a Event) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'a,
{
    type Future = R;

    fn call(&self, tx: &'a mut Transaction<'static, Postgres>, event: &'a Event) -> R {
        self(tx, event)
    }
}

impl<F: for<'a> EffectFn<'a>> Effect for F {
    async fn write(&self, tx: &mut Transaction<'static, Postgres>, event: &Event) -> Outcome {
        self.call(tx, event).await
    }
}

/// A handler around an [`Effect`]: see [`Inbox::handler`].
pub struct Once<E> {
    inbox: Inbox,
    pool: PgPool,
    effect: E,
}

impl Inbox {
    /// A worker's handler that has exactly one effect for each event: claim, effect and note are one transaction.
    ///
    /// While the database is away events are handed back with their attempts.
    ///
    /// ```no_run
    /// use headwater_events::Event;
    /// use headwater_postgres::{Inbox, sqlx::{self, Postgres, Transaction}};
    /// use headwater_worker::{Outcome, Worker};
    /// # use std::sync::Arc;
    /// # use headwater_broker::{Broker, Group};
    ///
    /// async fn book(tx: &mut Transaction<'static, Postgres>, event: &Event) -> Outcome {
    ///     sqlx::query("INSERT INTO bookings (run) VALUES ($1)").bind(event.stream()).execute(&mut **tx).await?;
    ///     Ok(())
    /// }
    ///
    /// # async fn f(broker: Arc<Broker>, group: Group, pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
    /// let handler = Inbox::new(Default::default()).handler(pool, book);
    /// let worker = Worker::builder(broker, group).build(handler)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn handler<E: Effect>(&self, pool: PgPool, effect: E) -> Once<E> {
        Once { inbox: self.clone(), pool, effect }
    }
}

impl<E: Effect> Once<E> {
    /// The claim, and the effect where it is still to come. `Ok(None)`: it was there already.
    async fn begin(
        &self,
        event: &Event,
        context: &Context,
    ) -> Result<Option<Transaction<'static, Postgres>>, Error> {
        let mut tx = self.pool.begin().await?;
        match self.inbox.claim(&mut tx, context.group(), event).await? {
            Claim::New => Ok(Some(tx)),
            Claim::Seen => Ok(None),
        }
    }
}

#[async_trait]
impl<E: Effect> Handler for Once<E> {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        let mut tx = match self.begin(event, context).await {
            Ok(Some(tx)) => tx,
            Ok(None) => return Ok(()),
            Err(error) => return Err(failure::of(error, AWAY).await),
        };
        self.effect.write(&mut tx, event).await?;
        match tx.commit().await {
            Ok(()) => Ok(()),
            // It may have committed all the same: then the claim tells when the event comes again.
            Err(error) => Err(failure::of(error.into(), AWAY).await),
        }
    }
}

impl<E> fmt::Debug for Once<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
