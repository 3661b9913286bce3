//! What the log knows of itself, under fixed keys of the `meta` keyspace.

use bytes::BufMut;
use fjall::{Keyspace, OwnedWriteBatch};
use headwater_events::Position;
use headwater_store::Error;

use crate::{codec::Reader, commit::Totals, engine::storage, view::Cuts};

/// Which numbering the log has, drawn when it was created.
const IDENTITY: &[u8] = b"m/identity";
/// Where the log ends, for when the buckets that told it are gone.
const END: &[u8] = b"m/end";
/// Positions up to here may have been used.
const RESERVED: &[u8] = b"m/reserved";
/// Up to where retention has removed events.
const CUTS: &[u8] = b"m/cuts";
/// The last version a state value was given.
const STATE_VERSION: &[u8] = b"m/state_version";
/// Runs that ended up to this time have had their transient events trimmed.
const TRIMMED_TO: &[u8] = b"m/trimmed_to";
/// Up to here a reference may point to an event of a run that was deleted.
const HOLES: &[u8] = b"m/holes";
/// How many events were cleared away one by one after their stream was deleted.
const CLEARED: &[u8] = b"m/cleared";

/// What the keys of slips begin with (see `late`).
pub(crate) const SLIPS: [u8; 1] = *b"r";

/// Fixed when the log is created.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) epoch: u32,
    pub(crate) lanes: u16,
    /// Keys the fingerprints that duplicates are recognized by, so that nobody can make two events collide.
    pub(crate) seed: u64,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) position: Position,
    pub(crate) stored_at: i64,
    pub(crate) durable: Totals,
    pub(crate) transient: Totals,
}

pub(crate) fn identity(meta: &Keyspace) -> Result<Option<Identity>, Error> {
    read(meta, IDENTITY, "the log's identity", |r| {
        Ok(Identity { epoch: u32::try_from(r.u64()?).unwrap_or(0), lanes: r.u16()?, seed: r.u64()? })
    })
}

pub(crate) fn put_identity(batch: &mut OwnedWriteBatch, meta: &Keyspace, identity: Identity) {
    let mut value = Vec::with_capacity(18);
    value.put_u64(u64::from(identity.epoch));
    value.put_u16(identity.lanes);
    value.put_u64(identity.seed);
    batch.insert(meta, IDENTITY, value);
}

pub(crate) fn end(meta: &Keyspace) -> Result<End, Error> {
    let end = read(meta, END, "the log's end", |r| {
        Ok(End {
            position: r.position()?,
            stored_at: r.i64()?,
            durable: Totals { events: r.u64()?, bytes: r.u64()? },
            transient: Totals { events: r.u64()?, bytes: r.u64()? },
        })
    })?;
    Ok(end.unwrap_or_default())
}

pub(crate) fn put_end(batch: &mut OwnedWriteBatch, meta: &Keyspace, end: &End) {
    let mut value = Vec::with_capacity(48);
    value.put_u64(end.position.0);
    value.put_i64(end.stored_at);
    for totals in [end.durable, end.transient] {
        value.put_u64(totals.events);
        value.put_u64(totals.bytes);
    }
    batch.insert(meta, END, value);
}

pub(crate) fn cuts(meta: &Keyspace) -> Result<Cuts, Error> {
    let cuts = read(meta, CUTS, "the log's cuts", |r| {
        Ok(Cuts { durable: r.position()?, transient: r.position()? })
    })?;
    Ok(cuts.unwrap_or_default())
}

pub(crate) fn put_cuts(batch: &mut OwnedWriteBatch, meta: &Keyspace, cuts: Cuts) {
    let mut value = Vec::with_capacity(16);
    value.put_u64(cuts.durable.0);
    value.put_u64(cuts.transient.0);
    batch.insert(meta, CUTS, value);
}

macro_rules! numbers {
    ($($get:ident $put:ident $key:ident;)+) => {$(
        pub(crate) fn $get(meta: &Keyspace) -> Result<Option<u64>, Error> {
            read(meta, $key, stringify!($get), |r| r.u64())
        }

        pub(crate) fn $put(batch: &mut OwnedWriteBatch, meta: &Keyspace, number: u64) {
            batch.insert(meta, $key, number.to_be_bytes());
        }
    )+};
}

numbers! {
    reserved put_reserved RESERVED;
    state_version put_state_version STATE_VERSION;
    trimmed_to put_trimmed_to TRIMMED_TO;
    cleared put_cleared CLEARED;
    holes put_holes HOLES;
}

/// Says that the log was closed in order: no position beyond its end was used.
pub(crate) fn remove_reserved(batch: &mut OwnedWriteBatch, meta: &Keyspace) {
    batch.remove(meta, RESERVED);
}

/// The key of the slip in one of the places.
pub(crate) fn slip_key(place: u8) -> [u8; 2] {
    [SLIPS[0], place]
}

/// The key of a stretch that may have lost events.
pub(crate) fn lost_key(to: Position) -> Vec<u8> {
    let mut key = b"l".to_vec();
    key.put_u64(to.0);
    key
}

/// The key of a deleted stream that is still being cleared away.
pub(crate) fn grave_key(run: &[u8]) -> Vec<u8> {
    [b"g", run].concat()
}

/// The key of the last position that retention removed from a tenant's, or a lane's, references.
pub(crate) fn removed_key(scope: &[u8]) -> Vec<u8> {
    [b"p", scope].concat()
}

fn read<T>(
    meta: &Keyspace,
    key: &[u8],
    what: &'static str,
    parse: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    meta.get(key).map_err(storage)?.map(|value| parse(&mut Reader::new(&value, what))).transpose()
}
