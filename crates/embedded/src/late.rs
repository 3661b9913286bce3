//! What the records of runs lack for now.
//!
//! Most events change little in the record of their run: where it ends and how much is in it. A commit with events of
//! many runs writes that in one value, a slip, instead of as many records; every some commits the records catch up.
//!
//! ```text
//! format   (length, run, first, last, last_at, durable, transient) …
//! ```
//! All numbers are short ones. Slips have a few places, which they take in turn. One that is older than a record, or
//! of an earlier run of the name, says nothing, so that none is ever removed.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;
use headwater_events::Position;
use headwater_store::{Error, RunRecord};

use crate::{
    codec::{self, Reader, put_short},
    engine::{Engine, storage},
    meta,
};

/// How many places there are, which is how many slips are written before the records catch up.
pub(crate) const PLACES: u8 = 32;

const FORMAT: u8 = 1;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Tells runs of one name apart.
    first: Position,
    last: Position,
    last_at: i64,
    durable: u64,
    transient: u64,
}

impl Growth {
    pub(crate) fn of(record: &RunRecord) -> Self {
        let RunRecord { first, last, last_at, durable, transient, .. } = *record;
        Self { first, last, last_at, durable, transient }
    }

    /// Brings an older record of the same run up to date; gives whether it was one.
    pub(crate) fn grow(self, record: &mut RunRecord) -> bool {
        let older = record.first == self.first && record.last < self.last;
        if older {
            let Self { first: _, last, last_at, durable, transient } = self;
            *record = RunRecord { last, last_at, durable, transient, ..*record };
        }
        older
    }
}

/// A slip.
pub(crate) fn encode(grown: &[(Bytes, Growth)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + grown.iter().map(|(run, _)| run.len() + 32).sum::<usize>());
    out.push(FORMAT);
    for (run, growth) in grown {
        put_short(&mut out, run.len() as u64);
        out.extend_from_slice(run);
        let Growth { first, last, last_at, durable, transient } = *growth;
        for number in [first.0, last.0, u64::try_from(last_at).unwrap_or(0), durable, transient] {
            put_short(&mut out, number);
        }
    }
    out
}

fn decode(slip: &[u8]) -> Result<Vec<(&[u8], Growth)>, Error> {
    let mut r = Reader::new(slip, "a slip of run records");
    if r.u8()? != FORMAT {
        return Err(r.damaged());
    }
    let mut grown = Vec::new();
    while r.left() > 0 {
        let len = usize::try_from(r.short()?).map_err(|_| r.damaged())?;
        let run = r.bytes(len)?;
        let (first, last) = (Position(r.short()?), Position(r.short()?));
        let last_at = i64::try_from(r.short()?).map_err(|_| r.damaged())?;
        grown.push((run, Growth { first, last, last_at, durable: r.short()?, transient: r.short()? }));
    }
    Ok(grown)
}

/// Brings the records up to date with the slips, when a log is opened.
pub(crate) fn catch_up(engine: &Engine) -> Result<(), Error> {
    let mut records = HashMap::new();
    for slip in engine.meta.prefix(meta::SLIPS) {
        let slip = slip.value().map_err(storage)?;
        for (run, growth) in decode(&slip)? {
            let known = match records.get(run) {
                Some(known) => Some(*known),
                None => engine.runs.get(run).map_err(storage)?.map(|r| codec::decode_run(&r)).transpose()?,
            };
            if let Some(mut record) = known
                && growth.grow(&mut record)
            {
                records.insert(run.to_vec(), record);
            }
        }
    }
    let mut batch = engine.db.batch();
    for (run, record) in records {
        batch.insert(&engine.runs, run, codec::encode_run(&record));
    }
    batch.commit().map_err(storage)
}

/// The runs whose records in the database lag behind.
///
/// Readers look here before they take their picture of the database: what is not here any more is in the picture.
#[derive(Debug, Default)]
pub(crate) struct Late(RwLock<HashMap<Bytes, Growth>>);

impl Late {
    pub(crate) fn get(&self, run: &[u8]) -> Option<Growth> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(run).copied()
    }

    pub(crate) fn all(&self) -> HashMap<Bytes, Growth> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, grown: Vec<(Bytes, Growth)>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(grown);
    }

    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use headwater_store::RunState;

    use super::*;

    const RECORD: RunRecord = RunRecord {
        state: RunState::Open,
        first: Position(5),
        last: Position(9),
        ended: None,
        trimmed: Position(6),
        removed: Position(5),
        durable: 3,
        transient: 2,
        first_at: 10,
        last_at: 20,
        ended_at: None,
    };

    #[test]
    fn slips_come_back() {
        let grown = [
            (Bytes::from_static(b"a\0one"), Growth::of(&RECORD)),
            (Bytes::from_static(b"b\0two"), Growth { last: Position(u64::MAX), ..Growth::of(&RECORD) }),
        ];
        let slip = encode(&grown);
        let read: Vec<_> =
            decode(&slip).unwrap().into_iter().map(|(run, growth)| (run.to_vec(), growth)).collect();
        assert_eq!(read, grown.map(|(run, growth)| (run.to_vec(), growth)));
        assert!(decode(&slip[..slip.len() - 1]).is_err());
    }

    #[test]
    fn a_record_only_grows_and_only_its_own_run() {
        let newer = RunRecord { last: Position(30), durable: 12, last_at: 40, ..RECORD };
        let mut record = RECORD;
        assert!(Growth::of(&newer).grow(&mut record));
        assert_eq!(record, newer);
        assert!(!Growth::of(&RECORD).grow(&mut record), "it is older");
        let again = RunRecord { first: Position(31), last: Position(50), ..RECORD };
        assert!(!Growth::of(&again).grow(&mut record), "another run of the name");
        assert_eq!(record, newer);
    }
}
