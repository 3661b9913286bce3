//! The tables made anew from the log.

use headwater_broker::{ConsumerGroups, Error as BrokerError, Group, GroupConfig, Start};
use sqlx::Executor as _;

use super::Database;
use crate::{Error, sql::sql};

const TRUNCATE: &str = "TRUNCATE {schema}.workflow_updates, {schema}.workflows, {schema}.parts";

/// What was given up to be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many updates the tables had.
    pub updates: u64,
}

/// Why nothing, or not all of it, was done. Doing it again is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The database.
    #[error(transparent)]
    Database(#[from] Error),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Database {
    /// Empties the tables and lets the group begin at the oldest event: its workers, now or later, fill them again.
    /// **What the log no longer keeps is gone from the tables afterwards.**
    ///
    /// Workers of the group may run meanwhile: what they still have under way is applied once, and the order of the log
    /// decides what stands in the end. Interrupted anywhere, doing it again leads to the same end.
    ///
    /// # Errors
    /// Broker or database does not answer.
    pub async fn rebuild(
        &self,
        groups: &dyn ConsumerGroups,
        group: &Group,
        config: GroupConfig,
    ) -> Result<Rebuilt, RebuildError> {
        // First the group: what is acked from here on counts for nothing.
        groups.delete_group(group).await?;
        let updates = self.empty().await?;
        groups.put_group(group, Start::Earliest, config).await?;
        Ok(Rebuilt { updates })
    }

    async fn empty(&self) -> Result<u64, Error> {
        let error = |error| Error::of(&self.schema, error);
        let mut tx = self.pool.begin().await.map_err(error)?;
        let count = sql(&self.schema, "SELECT count(*) FROM {schema}.workflow_updates");
        let updates: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await.map_err(error)?;
        tx.execute(sqlx::raw_sql(sql(&self.schema, TRUNCATE))).await.map_err(error)?;
        tx.commit().await.map_err(error)?;
        Ok(updates.unsigned_abs())
    }
}
