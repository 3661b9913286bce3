//! How far a stream has been copied.

use bytes::Bytes;
use headwater_events::Cursor;
use headwater_store::Version;
use serde::{Deserialize, Serialize};

/// How far a stream has been copied: everything up to `from` is in the target, at or before `to`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The place in the source; `None`: nothing is known to be copied.
    pub(crate) from: Option<Cursor>,
    /// The last place in the target that was written, where anything was.
    pub(crate) to: Option<Cursor>,
    /// The version under which the mark is stored, where it is.
    pub(crate) version: Option<Version>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    from: String,
    to: Option<String>,
}

impl Mark {
    /// The bytes that are stored; `None` where there is nothing to store.
    pub(crate) fn encode(&self) -> Option<Bytes> {
        let from = self.from.as_ref()?.to_string();
        let wire = Wire { from, to: self.to.as_ref().map(ToString::to_string) };
        serde_json::to_vec(&wire).ok().map(Bytes::from)
    }

    /// Reads stored bytes. What cannot be read is no mark: then both ends are compared.
    pub(crate) fn decode(bytes: &[u8], version: Option<Version>) -> Self {
        let read = || {
            let wire: Wire = serde_json::from_slice(bytes).ok()?;
            let to = wire.to.map(|to| to.parse()).transpose().ok()?;
            Some((wire.from.parse().ok()?, to))
        };
        let (from, to) = read().map_or((None, None), |(from, to)| (Some(from), to));
        Self { from, to, version }
    }

    /// The same stored place with nothing known to be copied.
    pub(crate) fn forget(&mut self) {
        (self.from, self.to) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use headwater_events::{Epoch, Position, Scope, Tenant};

    use super::*;

    #[test]
    fn marks_come_back_and_nonsense_is_no_mark() {
        let cursor = |n| Cursor::new(Scope::Tenant(Tenant::default()).print(), Epoch(1), Position(n));
        let version = Some(Version(7));
        for to in [None, Some(cursor(5))] {
            let mark = Mark { from: Some(cursor(3)), to, version };
            assert_eq!(Mark::decode(&mark.encode().unwrap(), version), mark);
        }
        assert_eq!(Mark::decode(b"{\"from\":\"x\"}", version), Mark { version, ..Mark::default() });
        assert_eq!(Mark::default().encode(), None);
    }
}
