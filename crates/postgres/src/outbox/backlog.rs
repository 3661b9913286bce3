//! What waits in the outbox.

use std::time::Duration;

use sqlx::{PgPool, Row as _};

use crate::{Error, Schema, metric_definitions as m, sql::sql};

/// Counting stops here: what is more than that is as bad.
const MOST: i64 = 100_000;

const COUNT: &str = "
WITH snap AS MATERIALIZED (
    SELECT pg_snapshot_xmin(s) AS low, pg_snapshot_xmax(s) AS high FROM pg_current_snapshot() AS s
),
live AS MATERIALIZED (
    SELECT enqueued_at, xid >= low AND xid < high AS held FROM {schema}.outbox, snap ORDER BY seq LIMIT $1
)
SELECT
    count(*) AS depth,
    count(*) FILTER (WHERE held) AS held,
    (SELECT count(*) FROM (SELECT FROM {schema}.outbox_parked LIMIT $1) AS few) AS parked,
    coalesce(extract(epoch FROM clock_timestamp() - min(enqueued_at)), 0)::float8 AS oldest,
    coalesce(extract(epoch FROM clock_timestamp() - min(enqueued_at) FILTER (WHERE held)), 0)::float8 AS held_for
FROM live";

/// What waits in the outbox; counts end at 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Committed events that are to be published.
    pub depth: u64,
    /// The age of the oldest of them.
    pub oldest: Duration,
    /// Those among them that a transaction holds back which began to write before and still runs.
    pub held: u64,
    /// For how long the oldest of those has been enqueued.
    pub held_for: Duration,
    /// Events that were refused and wait for somebody.
    pub parked: u64,
}

impl Backlog {
    /// Measures it.
    ///
    /// # Errors
    /// The database does not answer, or the schema is missing.
    pub async fn read(pool: &PgPool, schema: &Schema) -> Result<Self, Error> {
        let row = sqlx::query(sql(schema, COUNT))
            .bind(MOST)
            .fetch_one(pool)
            .await
            .map_err(|error| Error::of(schema, error))?;
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        let age = |name: &str| row.try_get::<f64, _>(name).map(|age| Duration::from_secs_f64(age.max(0.0)));
        Ok(Self {
            depth: count("depth")?,
            oldest: age("oldest")?,
            held: count("held")?,
            held_for: age("held_for")?,
            parked: count("parked")?,
        })
    }

    /// Shows it to whoever scrapes this process.
    pub(crate) fn show(&self) {
        metrics::gauge!(m::DEPTH).set(self.depth as f64);
        metrics::gauge!(m::OLDEST).set(self.oldest.as_secs_f64());
        metrics::gauge!(m::HELD).set(self.held as f64);
        metrics::gauge!(m::HELD_SECONDS).set(self.held_for.as_secs_f64());
        metrics::gauge!(m::PARKED).set(self.parked as f64);
    }
}
