//! The state as the records of its topic make it.
//!
//! A write names the rank it would have: one more than that of the write it replaces. Of several attempts at a rank
//! the first in the topic wins, and of all ranks the highest. So what a key holds follows from the attempts that are
//! there alone, whatever compaction has taken: it takes only attempts that have a tombstone, and those that have lost
//! or were replaced get one.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use bytes::Bytes;

use super::attempt::{AttemptId, Kind, Write};

/// An attempt that is in the topic.
#[derive(Debug, Clone)]
struct Attempt {
    id: AttemptId,
    offset: i64,
    /// When it was stored, in milliseconds since the Unix epoch.
    at: i64,
    write: Write,
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) offset: i64,
    pub(super) rank: u64,
    /// `None`: it was deleted, and that must be remembered for a while.
    pub(super) value: Option<Bytes>,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) won: bool,
    pub(super) held: Held,
    /// Attempts that can be taken away now.
    pub(super) dead: Vec<AttemptId>,
}

/// Every key's attempts.
#[derive(Debug, Default)]
pub(super) struct Table {
    keys: BTreeMap<(Kind, String), Vec<Attempt>>,
    /// Who waits for the verdict on an attempt.
    waiting: HashMap<AttemptId, tokio::sync::oneshot::Sender<Verdict>>,
}

fn winner(attempts: &[Attempt]) -> Option<&Attempt> {
    attempts.iter().max_by_key(|attempt| (attempt.write.rank, std::cmp::Reverse(attempt.offset)))
}

fn held(attempt: &Attempt) -> Held {
    Held { offset: attempt.offset, rank: attempt.write.rank, value: attempt.write.value.clone() }
}

impl Table {
    /// Tells of the verdict on an attempt when its record comes.
    pub(super) fn expect(&mut self, id: AttemptId) -> tokio::sync::oneshot::Receiver<Verdict> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // Those who no longer wait are forgotten at the latest now.
        self.waiting.retain(|_, sender| !sender.is_closed());
        self.waiting.insert(id, sender);
        receiver
    }

    /// The next record: an attempt.
    pub(super) fn attempt(
        &mut self,
        kind: Kind,
        key: &str,
        id: AttemptId,
        offset: i64,
        at: i64,
        write: Write,
    ) {
        let attempts = self.keys.entry((kind, key.to_owned())).or_default();
        if attempts.iter().any(|attempt| attempt.id == id) {
            return;
        }
        attempts.push(Attempt { id, offset, at, write });
        let Some(waiting) = self.waiting.remove(&id) else { return };
        if let Some(winner) = winner(attempts) {
            let dead = attempts.iter().map(|attempt| attempt.id).filter(|other| *other != winner.id);
            let won = winner.id == id;
            // Whoever lost takes only his own attempt away, the winner the rest.
            let dead = if won { dead.collect() } else { vec![id] };
            let _ = waiting.send(Verdict { won, held: held(winner), dead });
        }
    }

    /// The next record: an attempt's tombstone.
    pub(super) fn tombstone(&mut self, kind: Kind, key: &str, id: AttemptId) {
        let key = (kind, key.to_owned());
        if let Some(attempts) = self.keys.get_mut(&key) {
            attempts.retain(|attempt| attempt.id != id);
            if attempts.is_empty() {
                self.keys.remove(&key);
            }
        }
    }

    /// What a key holds, deletions included.
    pub(super) fn get(&self, kind: Kind, key: &str) -> Option<Held> {
        winner(self.keys.get(&(kind, key.to_owned()))?).map(held)
    }

    /// The callers' values under a prefix.
    pub(super) fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<(String, Held)> {
        let from = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded((Kind::Caller, after.to_owned())),
            None => Bound::Included((Kind::Caller, prefix.to_owned())),
        };
        self.keys
            .range((from, Bound::Unbounded))
            .take_while(|((kind, key), _)| *kind == Kind::Caller && key.starts_with(prefix))
            .filter_map(|((_, key), attempts)| Some((key.clone(), held(winner(attempts)?))))
            .filter(|(_, held)| held.value.is_some())
            .take(limit)
            .collect()
    }

    /// Deletions from before `before` that nothing else stands beside: nobody can be writing against them any more.
    pub(super) fn old_deletions(&self, before: i64) -> Vec<(Kind, String, AttemptId)> {
        let old = self.keys.iter().filter_map(|((kind, key), attempts)| match &attempts[..] {
            [only] if only.write.value.is_none() && only.at < before => Some((*kind, key.clone(), only.id)),
            _ => None,
        });
        old.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(rank: u64, value: &'static str) -> Write {
        Write { rank, value: Some(Bytes::from_static(value.as_bytes())) }
    }

    fn value(table: &Table) -> Option<Bytes> {
        table.get(Kind::Caller, "k").and_then(|held| held.value)
    }

    #[test]
    fn the_first_attempt_at_the_highest_rank_wins() {
        let mut table = Table::default();
        let mut put = |id, offset, write| {
            let mut verdict = table.expect(id);
            table.attempt(Kind::Caller, "k", id, offset, 0, write);
            let verdict = verdict.try_recv().unwrap();
            (verdict.won, verdict.dead)
        };
        assert_eq!(put(1, 0, write(1, "a")), (true, vec![]));
        assert_eq!(put(2, 1, write(1, "lost")), (false, vec![2]));
        assert_eq!(put(3, 2, write(2, "b")), (true, vec![1, 2]));
        assert_eq!(put(4, 3, write(2, "late")), (false, vec![4]));
        assert_eq!(value(&table).unwrap(), "b");
    }

    /// Whatever tombstones have taken away, and in whatever order compaction shows the rest, the answer is the same.
    #[test]
    fn compaction_changes_nothing() {
        let all =
            [(1, 0, write(1, "a")), (2, 1, write(1, "x")), (3, 2, write(2, "b")), (4, 3, write(3, "c"))];
        // 1 and 2 are dead once 3 has won, 3 once 4 has.
        for gone in [vec![], vec![1], vec![2], vec![1, 2], vec![1, 3], vec![2, 3], vec![1, 2, 3]] {
            let mut table = Table::default();
            for (id, offset, write) in all.iter().filter(|(id, ..)| !gone.contains(id)) {
                table.attempt(Kind::Caller, "k", *id, *offset, 0, write.clone());
            }
            gone.iter().for_each(|id| table.tombstone(Kind::Caller, "k", *id));
            assert_eq!(value(&table).unwrap(), "c", "without {gone:?}");
        }
    }

    #[test]
    fn deletions_are_remembered_for_a_while() {
        let mut table = Table::default();
        table.attempt(Kind::Caller, "k", 1, 0, 5, write(1, "a"));
        table.attempt(Kind::Caller, "k", 2, 1, 6, Write { rank: 2, value: None });
        assert_eq!(value(&table), None);
        assert!(table.list("", None, 10).is_empty());
        assert!(table.old_deletions(100).is_empty(), "what it replaced is still there");
        table.tombstone(Kind::Caller, "k", 1);
        // Somebody who had not seen the deletion.
        table.attempt(Kind::Caller, "k", 3, 2, 7, write(2, "late"));
        assert_eq!(value(&table), None);
        table.tombstone(Kind::Caller, "k", 3);
        assert_eq!(table.old_deletions(6), []);
        assert_eq!(table.old_deletions(7), [(Kind::Caller, "k".to_owned(), 2)]);
        table.tombstone(Kind::Caller, "k", 2);
        assert_eq!(table.get(Kind::Caller, "k"), None);
    }
}
