//! Enqueueing, in the caller's transaction.

use std::sync::Arc;

use headwater_events::{Admitted, Event, EventError, Policy, admit, lane_of};
use headwater_store::{Clock, SystemClock};
use sqlx::{Postgres, SqlStr, Transaction};
use xxhash_rust::xxh3::Xxh3;

use super::{
    SLOTS,
    trace::{TraceContext, Tracer},
};
use crate::{Error, Schema, metric_definitions as m, sql::sql};

/// The largest event, as brokers have it unless they are configured.
const MAX_EVENT_BYTES: usize = 256 * 1024;

/// Rows come in the order of the batch, and the relays are woken when the transaction commits.
const INSERT: &str = "
WITH put AS (
    INSERT INTO {schema}.outbox (slot, run, tenant, stream, event)
    SELECT slot, run, tenant, stream, event
    FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[])
        WITH ORDINALITY AS new (slot, run, tenant, stream, event, place)
    ORDER BY place
    RETURNING seq
)
SELECT pg_notify($6, '') FROM put LIMIT 1";

/// Writes events beside your own changes. Cloning gives another handle to the same one.
///
/// ```no_run
/// use headwater_events::Event;
/// use headwater_postgres::{Outbox, Schema, sqlx::PgPool};
///
/// async fn pay(pool: &PgPool, outbox: &Outbox, run: &str) -> Result<(), Box<dyn std::error::Error>> {
///     let mut tx = pool.begin().await?;
///     // … your own statements, in `tx` …
///     let event = Event::builder("/billing", "invoice.paid.v1").subject(run).build()?;
///     outbox.enqueue(&mut tx, &event).await?;
///     tx.commit().await?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Outbox {
    insert: SqlStr,
    schema: Schema,
    policy: Policy,
    max_event_bytes: usize,
    clock: Arc<dyn Clock>,
    tracer: Tracer,
}

impl Outbox {
    /// The outbox in a schema that is migrated.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        Self {
            insert: sql(&schema, INSERT),
            schema,
            policy: Policy::default(),
            max_event_bytes: MAX_EVENT_BYTES,
            clock: Arc::new(SystemClock),
            tracer: Tracer::none(),
        }
    }

    /// How types outside the catalogue are taken: as the broker takes them, so that they are refused here and not parked
    /// later.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The largest event, in encoded bytes: 256 KiB.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self
    }

    /// The clock that stamps events without a `time`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Asked at each call for the trace of the present moment. It is written into events that name none, so that the
    /// trace goes on when they are published, by whichever process.
    #[must_use]
    pub fn trace(mut self, now: impl Fn() -> Option<TraceContext> + Send + Sync + 'static) -> Self {
        self.tracer = Tracer(Arc::new(now));
        self
    }

    /// Enqueues one event: it is checked now, and published after `tx` has committed.
    ///
    /// Dropping the future leaves the transaction as any of its statements would: roll it back.
    ///
    /// # Errors
    /// [`Error::InvalidEvent`] before anything was sent to the server. After any other error the transaction can only
    /// be rolled back.
    pub async fn enqueue(&self, tx: &mut Transaction<'_, Postgres>, event: &Event) -> Result<(), Error> {
        self.enqueue_all(tx, std::slice::from_ref(event)).await
    }

    /// Enqueues several events in their order, with one statement.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue); the event is named by its index, and nothing of the batch was enqueued.
    pub async fn enqueue_all(
        &self,
        tx: &mut Transaction<'_, Postgres>,
        events: &[Event],
    ) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        let rows = self.rows(events)?;
        sqlx::query(self.insert.clone())
            .bind(&rows.slots)
            .bind(&rows.runs)
            .bind(&rows.tenants)
            .bind(&rows.streams)
            .bind(&rows.events)
            .bind(self.schema.channel())
            .execute(&mut **tx)
            .await
            .map_err(|error| Error::of(&self.schema, error))?;
        metrics::counter!(m::ENQUEUED).increment(events.len() as u64);
        Ok(())
    }

    fn rows(&self, events: &[Event]) -> Result<Rows, Error> {
        let trace = (self.tracer.0)();
        let mut rows = Rows::default();
        for (index, event) in events.iter().enumerate() {
            self.row(event, trace.as_ref(), &mut rows)
                .map_err(|error| Error::InvalidEvent { index, error })?;
        }
        Ok(rows)
    }

    fn row(&self, event: &Event, trace: Option<&TraceContext>, rows: &mut Rows) -> Result<(), EventError> {
        let event = match trace {
            Some(trace) if event.traceparent().is_none() => traced(event, trace)?,
            _ => event.clone(),
        };
        let Admitted { event, tenant, stream } =
            admit(&event, self.clock.now(), self.max_event_bytes, |_| self.policy)?;
        rows.slots.push(lane_of(tenant.as_str(), stream.as_str(), SLOTS).0.cast_signed());
        rows.runs.push(run_of(tenant.as_str(), stream.as_str()));
        rows.tenants.push(tenant.to_string());
        rows.streams.push(stream.to_string());
        rows.events.push(String::from_utf8_lossy(event.json()).into_owned());
        Ok(())
    }
}

/// Columns of what is inserted.
#[derive(Default)]
struct Rows {
    slots: Vec<i16>,
    runs: Vec<i64>,
    tenants: Vec<String>,
    streams: Vec<String>,
    events: Vec<String>,
}

/// The event as part of a trace.
fn traced(event: &Event, trace: &TraceContext) -> Result<Event, EventError> {
    let builder = event.to_builder().traceparent(trace.traceparent.as_str());
    match &trace.tracestate {
        Some(state) => builder.tracestate(state.as_str()).build(),
        None => builder.build(),
    }
}

/// A run's number. Two runs that share one would be kept in order among each other, which harms nobody.
fn run_of(tenant: &str, stream: &str) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(tenant.as_bytes());
    hash.update(&[0]);
    hash.update(stream.as_bytes());
    hash.digest().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_the_moment_goes_into_events_that_name_none() {
        let trace = TraceContext {
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            tracestate: Some("a=b".to_owned()),
        };
        let here = trace.clone();
        let outbox = Outbox::new(Schema::default()).trace(move || Some(here.clone()));
        let bare = Event::builder("/a", "x.happened.v1").subject("run").build().unwrap();
        let own = "00-11111111111111111111111111111111-2222222222222222-01";
        let traced = bare.to_builder().traceparent(own).build().unwrap();
        let rows = outbox.rows(&[bare, traced]).unwrap();
        let back = |at: usize| Event::from_json(rows.events[at].clone()).unwrap();
        assert_eq!(back(0).traceparent(), Some(trace.traceparent.as_str()));
        assert_eq!(back(0).tracestate(), Some("a=b"));
        assert_eq!(back(1).traceparent(), Some(own));
        assert_eq!(back(1).tracestate(), None);
    }

    #[test]
    fn an_event_that_no_broker_would_take_is_refused_with_its_index() {
        let outbox = Outbox::new(Schema::default()).max_event_bytes(600);
        let good = Event::builder("/a", "x.happened.v1").subject("run").build().unwrap();
        let large = good.to_builder().data(&"x".repeat(600)).build().unwrap();
        let broken = Event::builder("/a", "workflow.progressed.v1").subject("run").build().unwrap();
        for (bad, code) in [(large, "event-too-large"), (broken, "invalid-data")] {
            let Err(error) = outbox.rows(&[good.clone(), bad]) else { panic!("{code} passed") };
            assert_eq!(error.code(), code);
            assert!(matches!(error, Error::InvalidEvent { index: 1, .. }), "{error}");
        }
    }
}
