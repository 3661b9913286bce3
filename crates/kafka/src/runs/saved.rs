//! Records of runs in the state's topic, so that opening need not read the whole log.
//!
//! ```text
//!  run    r, epoch, maker, tenant/stream → the record as JSON
//!  mark   l, epoch, lane → the position up to which the records of the lane's runs are saved
//! ```
//!
//! Every process may save: each under its own name, so that one that comes late replaces nothing newer; of several
//! records of a run the one that reaches furthest counts. A mark that goes back only makes an opening read more.

use bytes::{Buf, BufMut};
use headwater_events::{Epoch, Lane, Position};
use headwater_store::RunRecord;

const RUN: u8 = b'r';
const MARK: u8 = b'l';

/// What a record of the state's topic saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saved {
    /// Where a run stands; `None` takes it away.
    Run { maker: u64, key: String, record: Option<RunRecord> },
    /// Up to where the runs of a lane are saved.
    Mark(Lane, Position),
}

pub(super) fn run_key(epoch: Epoch, maker: u64, key: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(13 + key.len());
    out.put_u8(RUN);
    out.put_u32(epoch.0);
    out.put_u64(maker);
    out.put_slice(key.as_bytes());
    out
}

pub(super) fn run_value(record: &RunRecord) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

pub(super) fn mark_key(epoch: Epoch, lane: Lane) -> Vec<u8> {
    let mut out = Vec::with_capacity(7);
    out.put_u8(MARK);
    out.put_u32(epoch.0);
    out.put_u16(lane.0);
    out
}

pub(super) fn mark_value(position: Position) -> [u8; 8] {
    position.0.to_be_bytes()
}

/// What a record saves, and of which numbering; `None` where it is of another kind.
pub(crate) fn parse(mut key: &[u8], value: Option<&[u8]>) -> Option<(Epoch, Saved)> {
    let kind = key.try_get_u8().ok()?;
    if kind != RUN && kind != MARK {
        return None;
    }
    let epoch = Epoch(key.try_get_u32().ok()?);
    if kind == MARK {
        let lane = Lane(key.try_get_u16().ok()?);
        let position = value.map_or(Some(0), |mut value| value.try_get_u64().ok())?;
        return Some((epoch, Saved::Mark(lane, Position(position))));
    }
    let maker = key.try_get_u64().ok()?;
    let key = std::str::from_utf8(key).ok()?.to_owned();
    let record = value.map(serde_json::from_slice).transpose().ok()?;
    Some((epoch, Saved::Run { maker, key, record }))
}

#[cfg(test)]
mod tests {
    use headwater_store::RunState;

    use super::*;

    #[test]
    fn what_is_saved_comes_back() {
        let record = RunRecord {
            state: RunState::Failed,
            first: Position(1),
            last: Position(9),
            ended: Some(Position(8)),
            trimmed: Position::ZERO,
            removed: Position(2),
            durable: 6,
            transient: 3,
            first_at: 10,
            last_at: 20,
            ended_at: Some(19),
        };
        let key = run_key(Epoch(7), u64::MAX, "default/a");
        let run = |record| Saved::Run { maker: u64::MAX, key: "default/a".to_owned(), record };
        assert_eq!(parse(&key, Some(&run_value(&record))), Some((Epoch(7), run(Some(record)))));
        assert_eq!(parse(&key, None), Some((Epoch(7), run(None))));
        let key = mark_key(Epoch(1), Lane(5));
        let mark = Saved::Mark(Lane(5), Position(77));
        assert_eq!(parse(&key, Some(&mark_value(Position(77)))), Some((Epoch(1), mark)));
        assert_eq!(parse(b"sk\0", Some(b"")), None);
        assert_eq!(parse(&key[..5], None), None);
        assert_eq!(parse(&run_key(Epoch(1), 1, "a/b"), Some(b"{")), None);
    }
}
