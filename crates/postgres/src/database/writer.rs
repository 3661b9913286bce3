//! The handler of the group, and the worker around it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_broker::{ConsumerGroups, Group};
use headwater_events::{Class, Event, GroupName};
use headwater_worker::{Builder, Context, Handler, Outcome, Worker};
use sqlx::{PgPool, SqlStr};

use super::{
    apply::APPLY,
    update::{Update, payload},
};
use crate::{Error, Schema, error::within, failure, metric_definitions as m, migrate, sql::sql};

/// What the group is called.
pub const GROUP: &str = "db_writers";

/// Writes what workflows are doing into tables. Cloning gives another handle to the same one.
#[derive(Debug, Clone)]
pub struct Database {
    pub(super) pool: PgPool,
    pub(super) schema: Schema,
    apply: SqlStr,
}

impl Database {
    /// Tables in a schema that is migrated.
    ///
    /// # Errors
    /// [`Error::SchemaMissing`], [`Error::SchemaTooNew`], or the database does not answer.
    pub async fn open(pool: PgPool, schema: Schema) -> Result<Self, Error> {
        migrate::check(&pool, &schema).await?;
        Ok(Self { apply: sql(&schema, APPLY), pool, schema })
    }

    /// The group `db_writers` of all tenants.
    #[must_use]
    pub fn group() -> Group {
        let name = GroupName::new(GROUP).unwrap_or_else(|_| unreachable!("the name of a group"));
        Group::of_all(name)
    }

    /// A worker of a group that writes here: build it with a clone of this handler.
    #[must_use]
    pub fn worker(groups: Arc<dyn ConsumerGroups>, group: Group) -> Builder {
        Worker::builder(groups, group).concurrency(CONCURRENCY)
    }

    /// Applies an event that stands at `position`. Gives whether it had not been applied before. What tells of no
    /// workflow and of no part of one is passed.
    ///
    /// The tables have it, whole, when the call returns. Dropping the future leaves it applied or not; applying it again is
    /// safe.
    ///
    /// # Errors
    /// The database does not answer, or takes the payload for no JSON.
    pub async fn apply(&self, event: &Event, position: u64) -> Result<bool, Error> {
        let Some(update) = Update::of(event).filter(|_| event.class() == Class::Durable) else {
            return Ok(false);
        };
        let data = payload(event).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let applied = sqlx::query_scalar(self.apply.clone())
            .bind(event.tenant().unwrap_or("default"))
            .bind(event.source())
            .bind(event.id())
            .bind(event.stream())
            .bind(event.subject().unwrap_or_else(|| event.stream()))
            .bind(event.ty())
            .bind(update.kind)
            .bind(&update.part)
            .bind(update.root)
            .bind(update.state)
            .bind(update.outcome)
            .bind(data)
            .bind(event.time_text().filter(|time| !time.starts_with(NO_YEAR)))
            .bind(position.cast_signed())
            .fetch_one(&self.pool);
        let new: i64 =
            within(PATIENCE, async { applied.await.map_err(|error| Error::of(&self.schema, error)) }).await?;
        let what = if new > 0 { "new" } else { "seen" };
        metrics::counter!(m::APPLIED, "event" => what).increment(1);
        Ok(new > 0)
    }
}

/// As many as the pool has connections: more would only wait for one.
const CONCURRENCY: usize = 8;

/// A year that events may have and PostgreSQL does not.
const NO_YEAR: &str = "0000";

/// How long the server may take for one event.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an event waits with its handler while the database is away, before it is handed back.
const AWAY: Duration = Duration::from_secs(1);

#[async_trait]
impl Handler for Database {
    async fn handle(&self, event: &Event, context: &Context) -> Outcome {
        match self.apply(event, context.position().0).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure::of(error, AWAY).await),
        }
    }
}
