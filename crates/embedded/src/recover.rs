//! Opening: what the database says, and what it should say.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

use fjall::PersistMode;
use headwater_events::{Class, Position};
use headwater_store::Error;

use crate::{
    bodies,
    buckets::{Buckets, Kind},
    codec::{self, Reader},
    commit::{Commit, Witness},
    engine::{Engine, storage},
    keys, late,
    meta::{self, End, Identity},
    view::{Lost, View},
};

/// A log as it was found.
pub(crate) struct Recovered {
    pub(crate) view: View,
    pub(crate) identity: Identity,
    /// Where the log ends: the last position that was used, or may have been.
    pub(crate) end: End,
    pub(crate) state_version: u64,
    pub(crate) trimmed_to: i64,
    pub(crate) cleared: u64,
    /// What this opening found lost, if anything.
    pub(crate) lost: Option<Lost>,
}

/// Reads the log's shape, checks its tail, and jumps over positions that may have been used.
///
/// `marked` is the last position that was answered, as far as is known; `reserve` says that positions are
/// reserved from now on, since not every answer is durable.
pub(crate) fn recover(engine: Engine, lanes: u16, marked: Option<Position>) -> Result<Recovered, Error> {
    let identity = match meta::identity(&engine.meta)? {
        Some(identity) => identity,
        None => create(&engine, lanes)?,
    };
    late::catch_up(&engine)?;
    let buckets = Buckets::load(&engine.db, &engine.meta)?;
    let mut end = meta::end(&engine.meta)?;
    if let Some((position, commit)) = last_commit(&buckets)?
        && position > end.position
    {
        check_tail(&engine, &buckets, &commit.witnesses)?;
        end = End {
            position,
            stored_at: commit.stored_at,
            durable: commit.durable,
            transient: commit.transient,
        };
    }
    let mut lost: Vec<Lost> = lost_stretches(&engine)?;
    let found = mend(&engine, &mut end, marked)?;
    lost.extend(found);
    Ok(Recovered {
        identity,
        end,
        state_version: meta::state_version(&engine.meta)?.unwrap_or(0),
        trimmed_to: meta::trimmed_to(&engine.meta)?.and_then(|at| i64::try_from(at).ok()).unwrap_or(0),
        cleared: meta::cleared(&engine.meta)?.unwrap_or(0),
        lost: found,
        view: View {
            cuts: meta::cuts(&engine.meta)?,
            buckets,
            holes: Position(meta::holes(&engine.meta)?.unwrap_or(0)),
            lost: Arc::new(lost),
            engine,
        },
    })
}

fn create(engine: &Engine, lanes: u16) -> Result<Identity, Error> {
    let identity =
        Identity { epoch: u32::try_from(random() >> 32).unwrap_or(1), lanes: lanes.max(1), seed: random() };
    let mut batch = engine.db.batch().durability(Some(PersistMode::SyncAll));
    meta::put_identity(&mut batch, &engine.meta, identity);
    batch.commit().map_err(storage)?;
    Ok(identity)
}

/// The standard library draws the keys of its hash tables from the system's randomness.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The last commit record.
pub(crate) fn last_commit(buckets: &Buckets) -> Result<Option<(Position, Commit)>, Error> {
    for bucket in buckets.of(Kind::Refs).iter().rev() {
        if let Some(entry) = bucket.keys.prefix([keys::COMMIT]).next_back() {
            let (key, value) = entry.into_inner().map_err(storage)?;
            return Ok(Some((keys::position(&key), Commit::decode(&value)?)));
        }
    }
    Ok(None)
}

/// The events that the last commit names must be there, in one piece and next to each other.
fn check_tail(engine: &Engine, buckets: &Buckets, witnesses: &[Witness]) -> Result<(), Error> {
    for pair in witnesses.windows(2) {
        if pair[0].position.next() != pair[1].position {
            return Err(Error::corrupt(Some(pair[1].position), "the last positions have a hole"));
        }
    }
    let cuts = meta::cuts(&engine.meta)?;
    for witness in witnesses {
        let position = witness.position;
        let (kind, cut) = match witness.class {
            Class::Transient => (Kind::Deltas, cuts.transient),
            Class::Durable | Class::Internal => (Kind::Bodies, cuts.durable),
        };
        let run =
            engine.runs.get(&witness.run).map_err(storage)?.map(|r| codec::decode_run(&r)).transpose()?;
        // Retention, or the deletion of the stream, may have taken the last event already.
        let kept = run.is_some_and(|run| {
            run.first <= position && (kind != Kind::Deltas || run.trimmed < position) && cut < position
        });
        let stored = match buckets.at(kind, position) {
            Some(bucket) => bodies::at(|range| bucket.keys.range(range), &witness.run, position)?,
            None => None,
        };
        match stored {
            Some(stored) if stored.check().is_err() || stored.checksum != witness.checksum => {
                return Err(Error::corrupt(Some(position), "the last event is not the one that was stored"));
            }
            None if kept => return Err(Error::corrupt(Some(position), "the last event is not there")),
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn lost_stretches(engine: &Engine) -> Result<Vec<Lost>, Error> {
    let mut lost = Vec::new();
    for entry in engine.meta.prefix(b"l") {
        let (key, value) = entry.into_inner().map_err(storage)?;
        let from = Reader::new(&value, "a lost stretch").position()?;
        lost.push(Lost { from, to: keys::position(&key) });
    }
    Ok(lost)
}

/// Jumps over the positions that may have been used and are not there, and writes down that they are missing.
fn mend(engine: &Engine, end: &mut End, marked: Option<Position>) -> Result<Option<Lost>, Error> {
    let reserved = meta::reserved(&engine.meta)?.map(Position);
    let reached = reserved.max(marked).unwrap_or_default();
    if reached <= end.position && reserved.is_none() {
        return Ok(None);
    }
    let mut batch = engine.db.batch().durability(Some(PersistMode::SyncAll));
    let mut lost = None;
    if reached > end.position {
        let stretch = Lost { from: end.position, to: reached };
        batch.insert(&engine.meta, meta::lost_key(stretch.to), stretch.from.0.to_be_bytes());
        end.position = stretch.to;
        meta::put_end(&mut batch, &engine.meta, end);
        if marked > Some(stretch.from) {
            tracing::error!(
                from = stretch.from.0,
                to = stretch.to.0,
                "acknowledged events are gone from the log"
            );
        } else {
            tracing::warn!(from = stretch.from.0, to = stretch.to.0, "the log may have lost its tail");
        }
        lost = Some(stretch);
    }
    meta::remove_reserved(&mut batch, &engine.meta);
    batch.commit().map_err(storage)?;
    Ok(lost)
}
