//! Lanes: how the durable events of all runs are divided among workers.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// How many lanes a store has unless it is created with another number.
pub const DEFAULT_LANES: u16 = 32;

/// One of the store's lanes. All durable events of a run are in one lane, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub u16);

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The lane of a stream: `hash(tenant, stream) mod lanes`. The hash (XXH3-64 of tenant, a zero byte, stream)
/// is part of the on-disk format and never changes.
#[must_use]
pub fn lane_of(tenant: &str, stream: &str, lanes: u16) -> Lane {
    let slot = scope_hash(tenant, Some(stream)) % u64::from(lanes.max(1));
    Lane(u16::try_from(slot).unwrap_or(0))
}

/// The stable hash of a tenant, or of a stream inside it.
pub(crate) fn scope_hash(tenant: &str, stream: Option<&str>) -> u64 {
    // Names are short: in one piece they are hashed several times as fast as piece by piece.
    let mut piece = [0; 512];
    let (tenant, stream) = (tenant.as_bytes(), stream.map(str::as_bytes));
    let len = tenant.len() + stream.map_or(0, |stream| 1 + stream.len());
    if let Some(piece) = piece.get_mut(..len) {
        piece[..tenant.len()].copy_from_slice(tenant);
        if let Some(stream) = stream {
            piece[tenant.len() + 1..].copy_from_slice(stream);
        }
        return xxh3_64(piece);
    }
    let mut hash = Xxh3::new();
    hash.update(tenant);
    if let Some(stream) = stream {
        hash.update(&[0]);
        hash.update(stream);
    }
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_hashed_as_short_ones_are() {
        for len in [1, 505, 506, 507, 508, 600] {
            let (tenant, stream) = ("acme", "s".repeat(len));
            let whole = [tenant.as_bytes(), b"\0", stream.as_bytes()].concat();
            assert_eq!(scope_hash(tenant, Some(&stream)), xxh3_64(&whole), "{len}");
        }
        assert_eq!(scope_hash("acme", None), xxh3_64(b"acme"));
    }

    #[test]
    fn lanes_never_move() {
        // Written down once: a change here would scatter the runs of every existing store.
        for (tenant, stream, lane) in
            [("default", "wf-42", 16), ("default", "wf-43", 28), ("acme", "wf-42", 12)]
        {
            let found = lane_of(tenant, stream, 32);
            assert_eq!(found, Lane(lane), "{tenant} {stream}");
        }
        let spread: std::collections::BTreeSet<_> =
            (0..1000).map(|i| lane_of("default", &format!("wf-{i}"), 32)).collect();
        assert_eq!(spread.len(), 32);
    }
}
