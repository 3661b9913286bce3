//! The keys. Names hold no zero byte, so a zero ends them, and keys sort by name, then by position.

use bytes::Bytes;
use headwater_events::Position;

/// Commit records in a bucket's references.
pub(crate) const COMMIT: u8 = 0;
/// References by tenant.
pub(crate) const TENANT: u8 = 1;
/// References by lane and tenant.
pub(crate) const LANE: u8 = 2;

/// `tenant 0 stream`: the key of a run's record and the front of its events' keys.
pub(crate) fn run(tenant: &str, stream: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(tenant.len() + stream.len() + 1);
    key.extend_from_slice(tenant.as_bytes());
    key.push(0);
    key.extend_from_slice(stream.as_bytes());
    key
}

/// `tenant 0`: what the keys of a tenant's runs start with.
pub(crate) fn runs_of(tenant: &str) -> Vec<u8> {
    run(tenant, "")
}

/// `run 0 position`: events of a run, by the last of them.
pub(crate) fn body(run: &[u8], position: Position) -> Vec<u8> {
    let mut key = Vec::with_capacity(run.len() + 9);
    key.extend_from_slice(run);
    key.push(0);
    key.extend_from_slice(&position.0.to_be_bytes());
    key
}

/// `1 tenant 0 position`: references in a tenant, by the last of them.
pub(crate) fn tenant(tenant: &str, position: Position) -> Vec<u8> {
    let mut key = Vec::with_capacity(tenant.len() + 10);
    key.push(TENANT);
    key.extend_from_slice(tenant.as_bytes());
    key.push(0);
    key.extend_from_slice(&position.0.to_be_bytes());
    key
}

/// `2 lane tenant 0 position`: references in a lane, by the last of them.
pub(crate) fn lane(lane: u16, tenant: &str, position: Position) -> Vec<u8> {
    let mut key = Vec::with_capacity(tenant.len() + 12);
    key.push(LANE);
    key.extend_from_slice(&lane.to_be_bytes());
    key.extend_from_slice(tenant.as_bytes());
    key.push(0);
    key.extend_from_slice(&position.0.to_be_bytes());
    key
}

/// `0 position`: the key of the commit record whose last event is at `position`.
pub(crate) fn commit(position: Position) -> [u8; 9] {
    let mut key = [COMMIT; 9];
    key[1..].copy_from_slice(&position.0.to_be_bytes());
    key
}

/// `0 position`: what recognizes the events of the commit whose last one is at `position`.
pub(crate) fn prints(position: Position) -> [u8; 9] {
    commit(position)
}

/// `1 fingerprint`: the key of a single event as it is recognized.
pub(crate) fn print(print: u128) -> [u8; 17] {
    let mut key = [1; 17];
    key[1..].copy_from_slice(&print.to_be_bytes());
    key
}

/// `time run`: the key of a run in the order of ends.
pub(crate) fn ended(at: i64, run: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(8 + run.len());
    key.extend_from_slice(&time(at));
    key.extend_from_slice(run);
    key
}

/// A time that sorts.
pub(crate) fn time(at: i64) -> [u8; 8] {
    u64::try_from(at).unwrap_or(0).to_be_bytes()
}

/// Puts a position at the end of a key that was made with another.
pub(crate) fn place(key: &mut [u8], position: Position) {
    if let Some(last) = key.last_chunk_mut::<8>() {
        *last = position.0.to_be_bytes();
    }
}

/// The position at the end of a key.
pub(crate) fn position(key: &[u8]) -> Position {
    Position(key.last_chunk::<8>().map_or(0, |last| u64::from_be_bytes(*last)))
}

/// An event's key without its position: `tenant 0 stream`.
pub(crate) fn run_of(body: &Bytes) -> Bytes {
    body.slice(..body.len().saturating_sub(9))
}

/// The parts of `tenant 0 stream`.
pub(crate) fn split(run: &[u8]) -> Option<(&str, &str)> {
    let at = run.iter().position(|&b| b == 0)?;
    Some((std::str::from_utf8(&run[..at]).ok()?, std::str::from_utf8(&run[at + 1..]).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_run_and_position() {
        let mut keys = vec![
            body(&run("a", "s"), Position(2)),
            body(&run("a", "s"), Position(256)),
            body(&run("a", "s-"), Position(1)),
            body(&run("a-", "s"), Position(1)),
            body(&run("b", "a"), Position(0)),
        ];
        let sorted = keys.clone();
        keys.sort();
        assert_eq!(keys, sorted);
        let key = Bytes::from(keys[1].clone());
        assert_eq!(position(&key), Position(256));
        assert_eq!(split(&run_of(&key)), Some(("a", "s")));
    }
}
