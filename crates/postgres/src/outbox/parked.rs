//! Events that the broker refused.

use headwater_events::{Event, StreamName, Tenant};
use jiff::Timestamp;
use sqlx::{PgPool, Row as _, postgres::PgRow};

use crate::{Error, Schema, sql::sql};

const LIST: &str = "
SELECT seq, event, attempts, code, reason, (extract(epoch FROM parked_at) * 1000)::bigint AS parked_ms
FROM {schema}.outbox_parked
WHERE seq > $1 AND ($2::bigint[] IS NULL OR seq = ANY($2)) AND ($3::text IS NULL OR tenant = $3)
    AND ($4::text IS NULL OR stream = $4) AND ($5::text IS NULL OR code = $5)
ORDER BY seq LIMIT $6";

/// Back to their place, with all their attempts.
const REDRIVE: &str = "
WITH chosen AS (
    DELETE FROM {schema}.outbox_parked
    WHERE ($1::bigint[] IS NULL OR seq = ANY($1)) AND ($2::text IS NULL OR tenant = $2)
        AND ($3::text IS NULL OR stream = $3) AND ($4::text IS NULL OR code = $4)
    RETURNING seq, xid, slot, run, tenant, stream, event, enqueued_at
),
back AS (
    INSERT INTO {schema}.outbox (seq, xid, slot, run, tenant, stream, event, enqueued_at)
    SELECT * FROM chosen ORDER BY seq RETURNING seq
)
SELECT count(*), pg_notify($5, '') FROM back";

const DISCARD: &str = "
DELETE FROM {schema}.outbox_parked
WHERE ($1::bigint[] IS NULL OR seq = ANY($1)) AND ($2::text IS NULL OR tenant = $2)
    AND ($3::text IS NULL OR stream = $3) AND ($4::text IS NULL OR code = $4)";

/// Which parked events are meant. What is not named is any.
#[derive(Debug, Clone, Default)]
pub struct ParkedFilter {
    /// These only, by [`ParkedRow::seq`]; empty means all.
    pub seqs: Vec<i64>,
    /// Of this tenant only.
    pub tenant: Option<Tenant>,
    /// Of this stream only.
    pub stream: Option<StreamName>,
    /// Parked under this code only.
    pub code: Option<String>,
}

/// An event that the broker refused.
#[derive(Debug, Clone)]
pub struct ParkedRow {
    /// Its place in the outbox: what names it.
    pub seq: i64,
    /// The event.
    pub event: Event,
    /// How often it was tried, where it was not refused at once.
    pub attempts: u32,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// The stable code of the error.
    pub code: String,
    /// What the broker said.
    pub reason: String,
}

/// The parked events of a schema.
#[derive(Debug, Clone)]
pub struct Parked {
    pool: PgPool,
    schema: Schema,
}

impl Parked {
    /// Those of a schema that is migrated.
    #[must_use]
    pub const fn new(pool: PgPool, schema: Schema) -> Self {
        Self { pool, schema }
    }

    /// Lists them in their order, at most `limit` behind `after` (0 is the beginning).
    ///
    /// # Errors
    /// The database does not answer, or a stored event cannot be read.
    pub async fn list(&self, filter: &ParkedFilter, after: i64, limit: u32) -> Result<Vec<ParkedRow>, Error> {
        let rows = sqlx::query(sql(&self.schema, LIST))
            .bind(after)
            .bind(filter.seqs())
            .bind(filter.tenant.as_ref().map(Tenant::as_str))
            .bind(filter.stream.as_ref().map(StreamName::as_str))
            .bind(filter.code.as_deref())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|error| Error::of(&self.schema, error))?;
        rows.iter().map(ParkedRow::read).collect()
    }

    /// Sends them again, each at its own place in its run, with all its attempts. Gives how many. Doing it again does
    /// nothing, unless they were parked again.
    ///
    /// # Errors
    /// The database does not answer: nothing, or all of it, was done.
    pub async fn redrive(&self, filter: &ParkedFilter) -> Result<u64, Error> {
        let count: i64 = self
            .bound(REDRIVE, filter)
            .bind(self.schema.channel())
            .fetch_one(&self.pool)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(|error| Error::of(&self.schema, error))?;
        Ok(count.unsigned_abs())
    }

    /// Gives them up for good. Gives how many.
    ///
    /// # Errors
    /// As [`redrive`](Self::redrive).
    pub async fn discard(&self, filter: &ParkedFilter) -> Result<u64, Error> {
        let done = self.bound(DISCARD, filter).execute(&self.pool).await;
        Ok(done.map_err(|error| Error::of(&self.schema, error))?.rows_affected())
    }

    fn bound<'q>(
        &self,
        text: &str,
        filter: &'q ParkedFilter,
    ) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
        sqlx::query(sql(&self.schema, text))
            .bind(filter.seqs())
            .bind(filter.tenant.as_ref().map(Tenant::as_str))
            .bind(filter.stream.as_ref().map(StreamName::as_str))
            .bind(filter.code.as_deref())
    }
}

impl ParkedFilter {
    fn seqs(&self) -> Option<&[i64]> {
        (!self.seqs.is_empty()).then_some(&self.seqs)
    }
}

impl ParkedRow {
    fn read(row: &PgRow) -> Result<Self, Error> {
        let event: String = row.try_get("event")?;
        let event = Event::from_stored(event.into())
            .map_err(|error| sqlx::Error::Decode(format!("a parked event cannot be read: {error}").into()))?;
        let parked_ms: i64 = row.try_get("parked_ms")?;
        Ok(Self {
            seq: row.try_get("seq")?,
            event,
            attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
            parked_at: Timestamp::from_millisecond(parked_ms).unwrap_or(Timestamp::UNIX_EPOCH),
            code: row.try_get("code")?,
            reason: row.try_get("reason")?,
        })
    }
}
