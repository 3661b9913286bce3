//! Which share of the work a relay has.
//!
//! The runs are in 32 slots by their hash; each slot has one relay, under a lease by the database's clock. Every
//! relay renews its own a few times a lease, and on that occasion takes or gives up what makes the shares equal. All of
//! that is done one relay at a time.

use std::time::Duration;

use sqlx::{PgPool, SqlStr};
use tokio::time::Instant;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, Schema, outbox::SLOTS, sql::sql};

const SEEN: &str = "
INSERT INTO {schema}.outbox_relays (relay, name, until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (relay) DO UPDATE SET until = excluded.until";
const GONE: &str = "DELETE FROM {schema}.outbox_relays WHERE until <= clock_timestamp()";
const LIVING: &str = "SELECT count(*) FROM {schema}.outbox_relays";
const KEEP: &str = "
UPDATE {schema}.outbox_slots SET until = clock_timestamp() + make_interval(secs => $2)
WHERE slot IN (
    SELECT slot FROM {schema}.outbox_slots WHERE relay = $1 AND until > clock_timestamp() ORDER BY slot LIMIT $3
)
RETURNING slot";
const GIVE_UP: &str = "
UPDATE {schema}.outbox_slots SET relay = NULL, until = '-infinity' WHERE relay = $1 AND slot <> ALL($2)";
const TAKE: &str = "
UPDATE {schema}.outbox_slots SET relay = $1, until = clock_timestamp() + make_interval(secs => $2)
WHERE slot IN (
    SELECT slot FROM {schema}.outbox_slots WHERE relay IS NULL OR until <= clock_timestamp() ORDER BY slot LIMIT $3
)
RETURNING slot";
const RENEW: &str = "
UPDATE {schema}.outbox_slots SET until = clock_timestamp() + make_interval(secs => $2) WHERE relay = $1 AND until > clock_timestamp()";
const LEAVE: &str = "DELETE FROM {schema}.outbox_relays WHERE relay = $1";

/// The share of one relay.
#[derive(Debug)]
pub(super) struct Shares {
    pool: PgPool,
    relay: String,
    name: String,
    lease: Duration,
    lock: i64,
    statements: Statements,
    slots: Vec<i16>,
    /// By our own clock, counted from before the server was asked: never later than what the server has.
    until: Instant,
}

#[derive(Debug)]
struct Statements {
    seen: SqlStr,
    gone: SqlStr,
    living: SqlStr,
    keep: SqlStr,
    give_up: SqlStr,
    take: SqlStr,
    renew: SqlStr,
    leave: SqlStr,
}

impl Shares {
    pub(super) fn new(pool: PgPool, schema: &Schema, name: &str, lease: Duration) -> Self {
        let statements = Statements {
            seen: sql(schema, SEEN),
            gone: sql(schema, GONE),
            living: sql(schema, LIVING),
            keep: sql(schema, KEEP),
            give_up: sql(schema, GIVE_UP),
            take: sql(schema, TAKE),
            renew: sql(schema, RENEW),
            leave: sql(schema, LEAVE),
        };
        Self {
            pool,
            relay: Uuid::now_v7().to_string(),
            name: name.to_owned(),
            lease,
            lock: xxh3_64(format!("headwater/{schema}/outbox").as_bytes()).cast_signed(),
            statements,
            slots: Vec::new(),
            until: Instant::now(),
        }
    }

    /// The slots that are ours.
    pub(super) fn slots(&self) -> &[i16] {
        &self.slots
    }

    /// How often the lease is renewed.
    pub(super) fn every(&self) -> Duration {
        self.lease / 3
    }

    /// When it has to be renewed.
    pub(super) fn due(&self) -> Instant {
        self.until.checked_sub(self.lease - self.every()).unwrap_or(self.until)
    }

    /// Whether what is begun now may still end inside the lease.
    pub(super) fn hold(&self) -> bool {
        !self.slots.is_empty() && Instant::now() < self.until
    }

    /// Renews what is ours, and takes or gives up slots until all living relays have equal shares. Nothing may be under
    /// way in them meanwhile.
    pub(super) async fn divide(&mut self) -> Result<(), Error> {
        let asked = Instant::now();
        let s = &self.statements;
        let mut tx = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(self.lock).execute(&mut *tx).await?;
        sqlx::query(s.seen.clone())
            .bind(&self.relay)
            .bind(&self.name)
            .bind(self.lease.as_secs_f64())
            .execute(&mut *tx)
            .await?;
        sqlx::query(s.gone.clone()).execute(&mut *tx).await?;
        let living: i64 = sqlx::query_scalar(s.living.clone()).fetch_one(&mut *tx).await?;
        let share = i64::from(SLOTS).div_euclid(living.max(1))
            + i64::from(i64::from(SLOTS).rem_euclid(living.max(1)) != 0);
        let mut slots: Vec<i16> = sqlx::query_scalar(s.keep.clone())
            .bind(&self.relay)
            .bind(self.lease.as_secs_f64())
            .bind(share)
            .fetch_all(&mut *tx)
            .await?;
        sqlx::query(s.give_up.clone()).bind(&self.relay).bind(&slots).execute(&mut *tx).await?;
        let taken: Vec<i16> = sqlx::query_scalar(s.take.clone())
            .bind(&self.relay)
            .bind(self.lease.as_secs_f64())
            .bind(share - i64::try_from(slots.len()).unwrap_or(share))
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        slots.extend(taken);
        if slots.len() != self.slots.len() {
            tracing::debug!(slots = slots.len(), living, "share of the outbox");
        }
        self.slots = slots;
        self.until = asked + self.lease;
        Ok(())
    }

    /// Renews what is ours while something is under way in it.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        let asked = Instant::now();
        let renewed = sqlx::query(self.statements.renew.clone())
            .bind(&self.relay)
            .bind(self.lease.as_secs_f64())
            .execute(&self.pool)
            .await?;
        if usize::try_from(renewed.rows_affected()).is_ok_and(|renewed| renewed >= self.slots.len()) {
            self.until = asked + self.lease;
        }
        Ok(())
    }

    /// Hands everything to the others at once.
    pub(super) async fn leave(&mut self) -> Result<(), Error> {
        self.slots.clear();
        sqlx::query(self.statements.give_up.clone())
            .bind(&self.relay)
            .bind(&self.slots)
            .execute(&self.pool)
            .await?;
        sqlx::query(self.statements.leave.clone()).bind(&self.relay).execute(&self.pool).await?;
        Ok(())
    }
}
