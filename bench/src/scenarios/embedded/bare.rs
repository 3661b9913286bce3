//! The least that a log on fjall must write: each event's bytes, its two references, its idempotency key, its run's
//! record and one commit record, in the sizes in which ours writes them, all in one batch with one fsync.

use std::path::Path;

use anyhow::Result;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use headwater_events::{DEFAULT_LANES, Event, lane_of};
use xxhash_rust::xxh3::Xxh3;

/// A log that checks nothing and serves nobody.
pub(super) struct Log {
    db: Database,
    bodies: Keyspace,
    references: Keyspace,
    dedup: Keyspace,
    runs: Keyspace,
}

impl Log {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let db = Database::builder(folder.join("bare")).open()?;
        let keyspace =
            |name| db.keyspace(name, || KeyspaceCreateOptions::default().manual_journal_persist(true));
        let (bodies, references) = (keyspace("bodies")?, keyspace("references")?);
        let (dedup, runs) = (keyspace("dedup")?, keyspace("runs")?);
        Ok(Self { db, bodies, references, dedup, runs })
    }

    /// Stores a batch after `position`, synced before it returns, and gives the last position.
    pub(super) fn append(&self, events: &[Event], mut position: u64) -> Result<u64> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        let mut run = Vec::new();
        for event in events {
            position += 1;
            let at = position.to_be_bytes();
            let tenant = event.tenant().unwrap_or("default");
            run = [tenant.as_bytes(), b"\0", event.stream().as_bytes()].concat();
            let body = [run.as_slice(), b"\0", &at].concat();
            let lane = lane_of(tenant, event.stream(), DEFAULT_LANES);
            batch.insert(&self.bodies, body, event.json().clone());
            let by_tenant = [b"1", tenant.as_bytes(), b"\0", &at].concat();
            batch.insert(&self.references, by_tenant, event.stream().as_bytes());
            let by_lane = [b"2", &lane.0.to_be_bytes()[..], tenant.as_bytes(), b"\0", &at].concat();
            batch.insert(&self.references, by_lane, event.stream().as_bytes());
            let mut print = Xxh3::new();
            for part in [tenant, event.source(), event.id()] {
                print.update(part.as_bytes());
                print.update(b"\0");
            }
            let seen: [u8; 24] = std::array::from_fn(|i| at[i % 8]);
            batch.insert(&self.dedup, print.digest128().to_be_bytes(), seen);
        }
        batch.insert(&self.runs, run, [0; 80]);
        batch.insert(&self.references, [b"0", &position.to_be_bytes()[..]].concat(), [0; 160]);
        batch.commit()?;
        Ok(position)
    }
}
