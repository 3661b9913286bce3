//! What was answered and what was read, and whether they agree.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// Ids by stream, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<String, Vec<String>>);

impl Ledger {
    /// Writes down that `id` of `stream` came next.
    pub(crate) fn add(&mut self, stream: &str, id: &str) {
        self.0.entry(stream.to_owned()).or_default().push(id.to_owned());
    }

    /// Writes down that `id` of `stream` came next, unless it had come before: where a log keeps a copy of what is sent
    /// again, readers see each.
    pub(crate) fn add_first(&mut self, stream: &str, id: &str) {
        if !self.0.get(stream).is_some_and(|ids| ids.iter().any(|have| have == id)) {
            self.add(stream, id);
        }
    }

    /// How many came in all.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Every id of `self` is in `read` exactly once, in the same order, and nothing else is.
    pub(crate) fn agrees(&self, read: &Self, reader: &str) -> Result<()> {
        for (stream, want) in &self.0 {
            let have = read.0.get(stream).map(Vec::as_slice).unwrap_or_default();
            let at = want.iter().zip(have).position(|(want, have)| want != have);
            let at = at.unwrap_or(want.len().min(have.len()));
            ensure!(
                want.len() == have.len() && at == want.len(),
                "{reader}, stream {stream}, place {at}: answered {:?}, read {:?} ({} answered, {} read)",
                want.get(at),
                have.get(at),
                want.len(),
                have.len(),
            );
        }
        ensure!(
            read.len() == self.len(),
            "{reader}: read {} events, {} were answered",
            read.len(),
            self.len()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    fn ledger(ids: &[(&str, &str)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (stream, id) in ids {
            ledger.add(stream, id);
        }
        ledger
    }

    #[test]
    fn agrees_only_with_the_same_events_in_the_same_order() {
        let answered = ledger(&[("a", "1"), ("b", "1"), ("a", "2")]);
        assert!(answered.agrees(&ledger(&[("b", "1"), ("a", "1"), ("a", "2")]), "reader").is_ok());
        for (wrong, ids) in [
            ("lost", vec![("a", "1"), ("b", "1")]),
            ("twice", vec![("a", "1"), ("a", "1"), ("a", "2"), ("b", "1")]),
            ("swapped", vec![("a", "2"), ("a", "1"), ("b", "1")]),
            ("foreign", vec![("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")]),
        ] {
            assert!(answered.agrees(&ledger(&ids), "reader").is_err(), "{wrong}");
        }
    }
}
