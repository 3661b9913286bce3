//! Claiming an event.

use headwater_broker::Group;
use headwater_events::Event;
use sqlx::{Postgres, SqlStr, Transaction};

use crate::{Error, Schema, metric_definitions as m, sql::sql};

/// Who comes second waits here until the first has committed, and then finds it; or has rolled back, and is the first.
const CLAIM: &str = "
INSERT INTO {schema}.inbox (consumer, event)
VALUES ($1, sha256(convert_to(concat_ws(E'\\n', $2::text, $3::text, $4::text), 'UTF8'))) ON CONFLICT DO NOTHING";

/// Whether an event's effect is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an event that was seen must have no second effect"]
pub enum Claim {
    /// It is: write it in the same transaction.
    New,
    /// It has happened: there is nothing to do.
    Seen,
}

/// Notes which events a group has handled. Cloning gives another handle to the same one.
#[derive(Debug, Clone)]
pub struct Inbox {
    claim: SqlStr,
    pub(super) schema: Schema,
}

impl Inbox {
    /// The inbox in a schema that is migrated.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        Self { claim: sql(&schema, CLAIM), schema }
    }

    /// Claims an event for a group: the note is there when `tx` commits, with everything else of it, and not before.
    ///
    /// Of two workers that claim one event at the same moment the second waits for the transaction of the first. An event
    /// is known by (tenant, source, id), whichever stream it comes in.
    ///
    /// # Errors
    /// The transaction can only be rolled back.
    pub async fn claim(
        &self,
        tx: &mut Transaction<'_, Postgres>,
        group: &Group,
        event: &Event,
    ) -> Result<Claim, Error> {
        let done = sqlx::query(self.claim.clone())
            .bind(group.to_string())
            .bind(event.tenant().unwrap_or("default"))
            .bind(event.source())
            .bind(event.id())
            .execute(&mut **tx)
            .await
            .map_err(|error| Error::of(&self.schema, error))?;
        let (claim, what) = match done.rows_affected() {
            0 => (Claim::Seen, "seen"),
            _ => (Claim::New, "new"),
        };
        metrics::counter!(m::CLAIMS, "claim" => what).increment(1);
        Ok(claim)
    }
}
