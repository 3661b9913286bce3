//! Forgetting what cannot come again.

use std::time::Duration;

use sqlx::PgPool;

use super::Inbox;
use crate::{Error, sql::sql};

/// Notes removed by one statement.
const BATCH: i64 = 5_000;

const EXPIRE: &str = "
DELETE FROM {schema}.inbox WHERE (consumer, event) IN (
    SELECT consumer, event FROM {schema}.inbox WHERE handled_at < clock_timestamp() - make_interval(secs => $1)
    ORDER BY handled_at LIMIT $2 FOR UPDATE SKIP LOCKED
)";

impl Inbox {
    /// Forgets what was handled longer ago than `age`, and gives how many that were. An event that comes after its note was
    /// forgotten has a second effect, so `age` must be longer than the log keeps events and dead letters: more than 7 days
    /// unless that is configured.
    ///
    /// Dropping the future keeps what is left for the next time.
    ///
    /// # Errors
    /// The database does not answer. What was forgotten stays so.
    pub async fn expire(&self, pool: &PgPool, age: Duration) -> Result<u64, Error> {
        let mut all = 0;
        loop {
            let query = sqlx::query(sql(&self.schema, EXPIRE)).bind(age.as_secs_f64()).bind(BATCH);
            let done = query.execute(pool).await.map_err(|error| Error::of(&self.schema, error))?;
            all += done.rows_affected();
            if done.rows_affected() < BATCH.unsigned_abs() {
                return Ok(all);
            }
        }
    }
}
