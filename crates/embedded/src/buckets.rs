//! Buckets: the log cut into stretches of time, so that what is old is dropped whole instead of key by key.

use std::time::Duration;

use bytes::BufMut;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use headwater_events::Position;
use headwater_store::{Error, Retention};

use crate::{codec::Reader, engine::storage};

/// What a bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Durable and internal events.
    Bodies,
    /// References of durable events, and the commit records.
    Refs,
    /// Transient events.
    Deltas,
    /// Which events were stored, for recognizing duplicates.
    Dedup,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Bodies, Self::Refs, Self::Deltas, Self::Dedup];

    const fn letter(self) -> u8 {
        match self {
            Self::Bodies => b'd',
            Self::Refs => b'r',
            Self::Deltas => b't',
            Self::Dedup => b'x',
        }
    }

    const fn memtable_bytes(self) -> u64 {
        let mib = match self {
            Self::Bodies | Self::Deltas => 32,
            Self::Refs | Self::Dedup => 16,
        };
        mib * 1024 * 1024
    }

    /// How much time one bucket covers, in milliseconds.
    fn span_ms(self, retention: &Retention, dedup_window: Duration) -> i64 {
        const MINUTE: u64 = 60 * 1000;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let ms = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let span = match self {
            // References go with the events they point to.
            Self::Bodies | Self::Refs => {
                retention.durable.max_age.map_or(DAY, |age| (ms(age) / 7).clamp(HOUR, DAY))
            }
            Self::Deltas => {
                retention.transient.max_age.map_or(HOUR, |age| (ms(age) / 24).clamp(5 * MINUTE, HOUR))
            }
            Self::Dedup => ms(dedup_window).clamp(15 * MINUTE, DAY),
        };
        i64::try_from(span).unwrap_or(i64::MAX)
    }
}

/// One bucket with its keyspace.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) id: u64,
    /// The first position it may hold; it reaches to the first of the next one.
    pub(crate) first: Position,
    /// When it ends, in milliseconds since the Unix epoch: later events go to a new one.
    pub(crate) end_ms: i64,
    pub(crate) keys: Keyspace,
}

/// All buckets of each kind, oldest first. Never empty once the log has taken an event.
#[derive(Clone, Default)]
pub(crate) struct Buckets([Vec<Bucket>; 4]);

impl Buckets {
    /// The buckets of one kind, oldest first.
    pub(crate) fn of(&self, kind: Kind) -> &[Bucket] {
        &self.0[kind as usize]
    }

    /// The buckets of one kind that may hold something after `after`, oldest first.
    pub(crate) fn after(&self, kind: Kind, after: Position) -> &[Bucket] {
        let all = self.of(kind);
        let from = all.partition_point(|b| b.first <= after.next()).saturating_sub(1);
        &all[from..]
    }

    /// The bucket of one kind that holds `position`, if any does.
    pub(crate) fn at(&self, kind: Kind, position: Position) -> Option<&Bucket> {
        let all = self.of(kind);
        all[..all.partition_point(|b| b.first <= position)].last()
    }

    /// Where new entries of one kind go.
    pub(crate) fn newest(&self, kind: Kind) -> Option<&Bucket> {
        self.of(kind).last()
    }

    /// Opens a bucket for what is stored now, if the newest one is over. The caller writes what `note` puts
    /// into its batch together with the first entries.
    pub(crate) fn roll(
        &mut self,
        db: &Database,
        kind: Kind,
        next: Position,
        now_ms: i64,
        policy: (&Retention, Duration),
    ) -> Result<bool, Error> {
        if self.newest(kind).is_some_and(|b| now_ms < b.end_ms) {
            return Ok(false);
        }
        let span = kind.span_ms(policy.0, policy.1);
        let id = self.newest(kind).map_or(1, |b| b.id + 1);
        let keys = keyspace(db, kind, id)?;
        let end_ms = (now_ms.div_euclid(span) + 1).saturating_mul(span);
        self.0[kind as usize].push(Bucket { id, first: next, end_ms, keys });
        Ok(true)
    }

    /// Writes the newest bucket of a kind into the table of buckets.
    pub(crate) fn note(&self, kind: Kind, meta: &Keyspace, batch: &mut OwnedWriteBatch) {
        if let Some(bucket) = self.newest(kind) {
            let mut value = Vec::with_capacity(16);
            value.put_u64(bucket.first.0);
            value.put_i64(bucket.end_ms);
            batch.insert(meta, key(kind, bucket.id), value);
        }
    }

    /// Takes a bucket out.
    pub(crate) fn take(&mut self, kind: Kind, id: u64) -> Option<Bucket> {
        let all = &mut self.0[kind as usize];
        let at = all.iter().position(|bucket| bucket.id == id)?;
        Some(all.remove(at))
    }

    /// Reads the table of buckets, and drops the keyspaces that no table names: a crash left them.
    pub(crate) fn load(db: &Database, meta: &Keyspace) -> Result<Self, Error> {
        let mut buckets = Self::default();
        let mut named = std::collections::HashSet::new();
        for kind in Kind::ALL {
            for entry in meta.prefix([b'b', kind.letter()]) {
                let (name, value) = entry.into_inner().map_err(storage)?;
                let mut r = Reader::new(&name[2..], "the table of buckets");
                let id = r.u64()?;
                let mut r = Reader::new(&value, "the table of buckets");
                let (first, end_ms) = (r.position()?, r.i64()?);
                if !db.keyspace_exists(&keyspace_name(kind, id)) {
                    return Err(Error::corrupt(
                        None,
                        format_args!("bucket {} is missing", keyspace_name(kind, id)),
                    ));
                }
                named.insert(keyspace_name(kind, id));
                let keys = keyspace(db, kind, id)?;
                buckets.0[kind as usize].push(Bucket { id, first, end_ms, keys });
            }
        }
        for name in db.list_keyspace_names() {
            let bucket = name.as_bytes().get(1) == Some(&b'.');
            if bucket && !named.contains(&*name) {
                let stray = db.keyspace(&name, KeyspaceCreateOptions::default).map_err(storage)?;
                db.delete_keyspace(stray).map_err(storage)?;
            }
        }
        Ok(buckets)
    }
}

/// The key of a bucket in the table of buckets.
pub(crate) fn key(kind: Kind, id: u64) -> Vec<u8> {
    let mut key = vec![b'b', kind.letter()];
    key.put_u64(id);
    key
}

fn keyspace_name(kind: Kind, id: u64) -> String {
    format!("{}.{id}", char::from(kind.letter()))
}

fn keyspace(db: &Database, kind: Kind, id: u64) -> Result<Keyspace, Error> {
    let options = || {
        KeyspaceCreateOptions::default().manual_journal_persist(true).max_memtable_size(kind.memtable_bytes())
    };
    db.keyspace(&keyspace_name(kind, id), options).map_err(storage)
}
