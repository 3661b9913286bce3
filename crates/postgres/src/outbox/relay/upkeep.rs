//! What is done beside publishing: gauges, and old rows.

use std::time::Duration;

use sqlx::{PgPool, SqlStr};
use tokio::time::MissedTickBehavior;

use crate::{
    Error, Schema,
    outbox::{Backlog, RelayOptions},
    sql::sql,
};

/// Rows removed by one statement: each holds its locks only for a moment.
const BATCH: i64 = 5_000;
/// Statements of one round: the others come with the next.
const BATCHES: usize = 100;

const EXPIRE: &str = "
DELETE FROM {schema}.outbox_published WHERE seq IN (
    SELECT seq FROM {schema}.outbox_published WHERE published_at < clock_timestamp() - make_interval(secs => $1)
    ORDER BY published_at LIMIT $2 FOR UPDATE SKIP LOCKED
)";

/// Measures and removes, until it is dropped.
pub(super) async fn run(pool: PgPool, options: RelayOptions) {
    let expire = sql(&options.schema, EXPIRE);
    let mut tick = tokio::time::interval(options.sample.max(Duration::from_millis(10)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // Where the database is away the relay itself says so.
        if let Err(error) = once(&pool, &options.schema, &expire, options.retention).await {
            tracing::debug!(%error, "upkeep of the outbox");
        }
    }
}

async fn once(pool: &PgPool, schema: &Schema, expire: &SqlStr, retention: Duration) -> Result<(), Error> {
    Backlog::read(pool, schema).await?.show();
    for _ in 0..BATCHES {
        let query = sqlx::query(expire.clone()).bind(retention.as_secs_f64()).bind(BATCH);
        if query.execute(pool).await?.rows_affected() < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(())
}
