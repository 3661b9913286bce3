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
/// `page` is what is settled, of runs that do not wait. `held` is, for each run, the first row that can be seen and is
/// not settled: what is behind that in the run waits with it, since it was enqueued later. Everything is one statement, so
/// it is one snapshot.
const FETCH: &str = "
WITH snap AS MATERIALIZED (
    SELECT pg_snapshot_xmin(s) AS xmin, pg_snapshot_xmax(s) AS xmax FROM pg_current_snapshot() AS s
),
page AS MATERIALIZED (
    SELECT seq, run, event, attempts, enqueued_at FROM {schema}.outbox, snap
    WHERE slot = ANY($1) AND (xid < xmin OR xid >= xmax)
        AND run NOT IN (
            SELECT run FROM {schema}.outbox WHERE retry_at IS NOT NULL AND retry_at > clock_timestamp()
        )
        AND NOT ($4 AND run IN (SELECT run FROM {schema}.outbox_parked))
    ORDER BY seq LIMIT $2
),
held AS MATERIALIZED (
    SELECT run, min(seq) AS seq FROM {schema}.outbox, snap
    WHERE slot = ANY($1) AND xid >= xmin AND xid < xmax GROUP BY run
),
ready AS (
    SELECT page.*, sum(octet_length(page.event)) OVER (ORDER BY page.seq) - octet_length(page.event) AS before
    FROM page LEFT JOIN held USING (run) WHERE held.seq IS NULL OR page.seq < held.seq
)
SELECT EXISTS (SELECT FROM held) AS waits, (SELECT count(*) FROM page) AS seen, snap.xmin::text AS xmin,
    ready.seq, ready.run, ready.event, ready.attempts,
    extract(epoch FROM clock_timestamp() - ready.enqueued_at)::float8 AS age
FROM snap LEFT JOIN ready ON ready.before < $3
ORDER BY ready.seq";

const XMIN: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";

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
            let xmin: String = sqlx::query_scalar(XMIN).fetch_one(&self.pool).await?;
            if xmin == stuck_at {
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
        let read = Instant::now();
        let mut page = Page::default();
        for row in &found {
            page.waits = row.try_get("waits")?;
            page.more = row.try_get::<i64, _>("seen")? >= self.events;
            let Some(seq) = row.try_get::<Option<i64>, _>("seq")? else { continue };
            match decode(seq, row, read)? {
                Ok(row) => page.rows.push(row),
                Err(why) => page.broken.push((seq, why)),
            }
        }
        // The page may also have ended at its bytes.
        let seen = page.rows.len() + page.broken.len();
        page.more = seen > 0 && (page.more || found.first().is_some_and(|row| {
            row.try_get::<i64, _>("seen").is_ok_and(|all| all > i64::try_from(seen).unwrap_or(all))
        }));
        let idle = seen == 0 && page.waits;
        self.stuck_at = match found.first() {
            Some(row) if idle => Some(row.try_get("xmin")?),
            _ => None,
        };
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
