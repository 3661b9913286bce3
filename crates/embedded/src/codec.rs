//! Numbers in a row: how the small records are written.

use bytes::{Buf, BufMut};
use headwater_events::Position;
use headwater_store::{Error, RunRecord, RunState};

/// Reads from the front of a record; what is missing is damage.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8], &'static str);

impl<'a> Reader<'a> {
    /// A reader that names the record in its errors.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self(bytes, what)
    }

    /// An error that names the record.
    pub(crate) fn damaged(&self) -> Error {
        Error::corrupt(None, format_args!("{} is not readable", self.1))
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.0.try_get_u8().map_err(|_| self.damaged())
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.0.try_get_u16().map_err(|_| self.damaged())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.0.try_get_u64().map_err(|_| self.damaged())
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Error> {
        self.0.try_get_i64().map_err(|_| self.damaged())
    }

    pub(crate) fn position(&mut self) -> Result<Position, Error> {
        self.u64().map(Position)
    }

    /// A number as [`put_short`] wrote it.
    pub(crate) fn short(&mut self) -> Result<u64, Error> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (front, rest) = self.0.split_at_checked(len).ok_or_else(|| self.damaged())?;
        self.0 = rest;
        Ok(front)
    }
}

/// Writes a number in as few bytes as it needs, seven bits in each.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn put_short(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

const RUN: u8 = 1;

/// A run's record as stored.
pub(crate) fn encode_run(run: &RunRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(90);
    out.put_u8(RUN);
    out.put_u8(match run.state {
        RunState::Open => 0,
        RunState::Completed => 1,
        RunState::Failed => 2,
        RunState::Cancelled => 3,
    });
    for number in [
        run.first.0,
        run.last.0,
        run.ended.map_or(0, |p| p.0),
        run.trimmed.0,
        run.removed.0,
        run.durable,
        run.transient,
    ] {
        out.put_u64(number);
    }
    for time in [run.first_at, run.last_at, run.ended_at.unwrap_or(i64::MIN)] {
        out.put_i64(time);
    }
    out
}

/// A run's record from the store.
pub(crate) fn decode_run(bytes: &[u8]) -> Result<RunRecord, Error> {
    let mut r = Reader::new(bytes, "a run record");
    if r.u8()? != RUN {
        return Err(r.damaged());
    }
    let state = match r.u8()? {
        0 => RunState::Open,
        1 => RunState::Completed,
        2 => RunState::Failed,
        3 => RunState::Cancelled,
        _ => return Err(r.damaged()),
    };
    Ok(RunRecord {
        state,
        first: r.position()?,
        last: r.position()?,
        ended: Some(r.position()?).filter(|&p| p != Position::ZERO),
        trimmed: r.position()?,
        removed: r.position()?,
        durable: r.u64()?,
        transient: r.u64()?,
        first_at: r.i64()?,
        last_at: r.i64()?,
        ended_at: Some(r.i64()?).filter(|&at| at != i64::MIN),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_come_back() {
        let numbers = [0, 1, 127, 128, 300, 1 << 21, u64::MAX];
        let mut out = Vec::new();
        numbers.iter().for_each(|&n| put_short(&mut out, n));
        let mut r = Reader::new(&out, "numbers");
        assert!(numbers.iter().all(|&n| r.short().unwrap() == n));
        assert!(r.short().is_err());
    }

    #[test]
    fn run_records_come_back() {
        let run = RunRecord {
            state: RunState::Failed,
            first: Position(1),
            last: Position(9),
            ended: Some(Position(8)),
            trimmed: Position(4),
            removed: Position(2),
            durable: 6,
            transient: 3,
            first_at: 10,
            last_at: 20,
            ended_at: Some(19),
        };
        assert_eq!(decode_run(&encode_run(&run)).unwrap(), run);
        assert!(decode_run(&encode_run(&run)[..40]).is_err());
    }
}
