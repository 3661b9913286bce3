//! What becomes of rows: published, parked, or tried again.

use std::time::Duration;

use sqlx::{PgPool, SqlStr};

use super::deliver::Refusal;
use crate::{Error, Schema, outbox::RelayOptions, sql::sql};

const PUBLISHED: &str = "
WITH tried AS (DELETE FROM {schema}.outbox_retries WHERE seq = ANY($1)),
gone AS (
    DELETE FROM {schema}.outbox WHERE seq = ANY($1) RETURNING seq, tenant, stream, event, enqueued_at
)
INSERT INTO {schema}.outbox_published (seq, tenant, stream, event, enqueued_at)
SELECT * FROM gone ON CONFLICT (seq) DO NOTHING";
const FORGET: &str = "
WITH tried AS (DELETE FROM {schema}.outbox_retries WHERE seq = ANY($1))
DELETE FROM {schema}.outbox WHERE seq = ANY($1)";
const PARK: &str = "
WITH refused AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]) AS r (seq, code, reason)),
tried AS (DELETE FROM {schema}.outbox_retries WHERE seq = ANY($1) RETURNING seq, attempts),
gone AS (
    DELETE FROM {schema}.outbox WHERE seq = ANY($1)
    RETURNING seq, xid, slot, run, tenant, stream, event, enqueued_at
)
INSERT INTO {schema}.outbox_parked
    (seq, xid, slot, run, tenant, stream, event, enqueued_at, attempts, code, reason)
SELECT gone.*, coalesce(tried.attempts, 0) + 1, refused.code, refused.reason
FROM gone JOIN refused USING (seq) LEFT JOIN tried USING (seq)";
const RETRY: &str = "
INSERT INTO {schema}.outbox_retries AS tried (seq, run, attempts, retry_at)
SELECT seq, run, 1, clock_timestamp() + make_interval(secs => $2) FROM {schema}.outbox WHERE seq = $1
ON CONFLICT (seq) DO UPDATE SET attempts = tried.attempts + 1, retry_at = excluded.retry_at";

/// The longest reason that is kept.
const REASON: usize = 1000;

/// Writes down what became of rows. Everything here may be done twice: the second time there is nothing to do.
#[derive(Debug)]
pub(super) struct Settler {
    pool: PgPool,
    schema: Schema,
    published: SqlStr,
    park: SqlStr,
    retry: SqlStr,
}

impl Settler {
    pub(super) fn new(pool: PgPool, options: &RelayOptions) -> Self {
        let schema = &options.schema;
        let keeps = !options.retention.is_zero();
        Self {
            pool,
            published: sql(schema, if keeps { PUBLISHED } else { FORGET }),
            park: sql(schema, PARK),
            retry: sql(schema, RETRY),
            schema: schema.clone(),
        }
    }

    /// The broker has stored them.
    pub(super) async fn published(&self, seqs: &[i64]) -> Result<(), Error> {
        let query = sqlx::query(self.published.clone()).bind(seqs);
        query.execute(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    /// The broker refuses them. Gives how many were parked now.
    pub(super) async fn park(&self, refused: &[Refusal]) -> Result<u64, Error> {
        let seqs: Vec<i64> = refused.iter().map(|refusal| refusal.seq).collect();
        let codes: Vec<&str> = refused.iter().map(|refusal| refusal.code.as_str()).collect();
        let reasons: Vec<String> = refused.iter().map(|refusal| short(&refusal.reason)).collect();
        let query = sqlx::query(self.park.clone()).bind(seqs).bind(codes).bind(reasons);
        Ok(query.execute(&self.pool).await.map_err(|error| self.error(error))?.rows_affected())
    }

    /// One failed while others did not: its run waits.
    pub(super) async fn retry(&self, seq: i64, after: Duration) -> Result<(), Error> {
        let query = sqlx::query(self.retry.clone()).bind(seq).bind(after.as_secs_f64());
        query.execute(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    fn error(&self, error: sqlx::Error) -> Error {
        Error::of(&self.schema, error)
    }
}

/// PostgreSQL's text has no zero byte.
fn short(reason: &str) -> String {
    reason.chars().filter(|c| *c != '\0').take(REASON).collect()
}
