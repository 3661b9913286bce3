//! What may be published now.

use std::time::Duration;

use headwater_events::Event;
use sqlx::{PgPool, Row as _, SqlStr, postgres::PgRow};
use tokio::time::Instant;

use crate::{
    Error, Schema,
    outbox::{AfterParked, RelayOptions},
    sql::sql,
};

/// A row is settled when no transaction runs any more that began to write before the row's own: then none can come to
/// light that belongs before it. Places beyond the newest transaction are those of a dump from elsewhere.
///
/// `page` is what is settled, of runs that do not wait. `held` is, for each run, the first row before the end of the page
/// that can be seen and is not settled: what is behind that in the run waits with it, since it was enqueued later.
/// Everything is one statement, so it is one snapshot.
const FETCH: &str = "
WITH snap AS MATERIALIZED (
    SELECT pg_snapshot_xmin(s) AS low, pg_snapshot_xmax(s) AS high FROM pg_current_snapshot() AS s
),
page AS MATERIALIZED (
    SELECT seq, run, event, enqueued_at FROM {schema}.outbox, snap
    WHERE slot = ANY($1) AND (xid < low OR xid >= high)
        AND run NOT IN (SELECT run FROM {schema}.outbox_retries WHERE retry_at > clock_timestamp())
        AND NOT ($4 AND run IN (SELECT run FROM {schema}.outbox_parked))
    ORDER BY seq LIMIT $2
),
seen AS MATERIALIZED (SELECT count(*) AS count, max(seq) AS last FROM page),
held AS MATERIALIZED (
    SELECT run, min(seq) AS seq FROM {schema}.outbox, snap
    WHERE seq < (SELECT last FROM seen) AND slot = ANY($1) AND xid >= low AND xid < high
    GROUP BY run
),
ready AS (
    SELECT page.seq, page.run, page.event, page.enqueued_at, coalesce(tried.attempts, 0) AS attempts,
        sum(octet_length(page.event)) OVER (ORDER BY page.seq) - octet_length(page.event) AS before
    FROM page
    LEFT JOIN held ON held.run = page.run
    LEFT JOIN {schema}.outbox_retries AS tried ON tried.seq = page.seq
    WHERE held.seq IS NULL OR page.seq < held.seq
)
SELECT
    seen.count < $2 AND EXISTS (
        SELECT FROM {schema}.outbox WHERE slot = ANY($1) AND xid >= snap.low AND xid < snap.high
    ) AS waits,
    seen.count AS seen, snap.low::text AS low, ready.seq, ready.run, ready.event, ready.attempts,
    extract(epoch FROM clock_timestamp() - ready.enqueued_at)::float8 AS age
FROM snap CROSS JOIN seen LEFT JOIN ready ON ready.before < $3
ORDER BY ready.seq";

const LOW: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";

/// A row of the outbox.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) run: i64,
    pub(super) event: Event,
    pub(super) attempts: u32,
    /// How old it was when it was read, and when that was.
    age: Duration,
    read: Instant,
}

impl Row {
    /// How old it is.
    pub(super) fn age(&self) -> Duration {
        self.age + self.read.elapsed()
    }
}

/// What may be published now, in order.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// Rows that cannot be read: parked as they are.
    pub(super) broken: Vec<(i64, String)>,
    /// Whether there may be more of it.
    pub(super) more: bool,
    /// Whether something waits for a transaction that still runs.
    pub(super) waits: bool,
}

/// Reads pages.
#[derive(Debug)]
pub(super) struct Fetcher {
    pool: PgPool,
    schema: Schema,
    fetch: SqlStr,
    events: i64,
    bytes: i64,
    hold: bool,
    /// The watermark that everything waits for: as long as it stands nothing new is settled.
    stuck_at: Option<String>,
}

impl Fetcher {
    pub(super) fn new(pool: PgPool, options: &RelayOptions) -> Self {
        Self {
            pool,
            schema: options.schema.clone(),
            fetch: sql(&options.schema, FETCH),
            events: i64::try_from(options.batch_events.max(1)).unwrap_or(i64::MAX),
            bytes: i64::try_from(options.batch_bytes.max(1)).unwrap_or(i64::MAX),
            hold: options.after_parked == AfterParked::Hold,
            stuck_at: None,
        }
    }

    /// What may be published now. `sure` asks for everything even where the watermark has not moved.
    pub(super) async fn page(&mut self, slots: &[i16], sure: bool) -> Result<Page, Error> {
        if let Some(stuck_at) = self.stuck_at.as_deref().filter(|_| !sure) {
            let low: String = sqlx::query_scalar(LOW).fetch_one(&self.pool).await?;
            if low == stuck_at {
                return Ok(Page { waits: true, ..Page::default() });
            }
        }
        let found = sqlx::query(self.fetch.clone())
            .bind(slots)
            .bind(self.events)
            .bind(self.bytes)
            .bind(self.hold)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| Error::of(&self.schema, error))?;
        let Some(first) = found.first() else { return Ok(Page::default()) };
        let (seen, low): (i64, String) = (first.try_get("seen")?, first.try_get("low")?);
        let mut page = Page { waits: first.try_get("waits")?, ..Page::default() };
        let read = Instant::now();
        for row in &found {
            let Some(seq) = row.try_get::<Option<i64>, _>("seq")? else { continue };
            match decode(seq, row, read)? {
                Ok(row) => page.rows.push(row),
                Err(why) => page.broken.push((seq, why)),
            }
        }
        let ready = page.rows.len() + page.broken.len();
        // It may have ended at its bytes, or at its rows.
        page.more =
            ready > 0 && (seen >= self.events || i64::try_from(ready).is_ok_and(|ready| ready < seen));
        page.waits |= ready == 0 && seen > 0;
        self.stuck_at = (ready == 0 && page.waits).then_some(low);
        Ok(page)
    }
}

/// A row, or why its event is none.
fn decode(seq: i64, row: &PgRow, read: Instant) -> Result<Result<Row, String>, sqlx::Error> {
    let event: String = row.try_get("event")?;
    let event = match Event::from_stored(event.into()) {
        Ok(event) => event,
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(Ok(Row {
        seq,
        run: row.try_get("run")?,
        event,
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        age: Duration::from_secs_f64(row.try_get::<f64, _>("age")?.max(0.0)),
        read,
    }))
}
