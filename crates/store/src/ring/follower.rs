//! One reader of the ring.

use std::{collections::VecDeque, sync::Arc};

use futures_util::stream;
use headwater_events::{Position, StreamName, Tenant, lane_of};
use tokio::sync::watch;

use super::{Shared, entries::Entry};
use crate::{Follow, FollowItem, FollowScope, Gap, GapReason, Record};

pub(super) struct Follower {
    shared: Arc<Shared>,
    changed: watch::Receiver<()>,
    scope: FollowScope,
    lanes: u16,
    /// Everything up to here was delivered, lies outside the scope, or was told as a gap.
    after: Position,
    /// The number of the next entry.
    next: u64,
    /// Entries that were taken from the ring and not looked at yet.
    taken: VecDeque<Entry>,
}

/// How many entries are taken at once: enough to make the lock cheap, few enough to hold little of what the ring
/// has let go.
const TAKE: usize = 32;

impl Follower {
    pub(super) fn new(shared: Arc<Shared>, scope: FollowScope, lanes: u16, after: Position) -> Self {
        let changed = shared.changed.subscribe();
        let next = {
            let entries = shared.lock();
            // A place before what is kept is numbered before it too, so that the first look finds the gap.
            if after < entries.floor() { 0 } else { entries.seek(after) }
        };
        Self { shared, changed, scope, lanes, after, next, taken: VecDeque::new() }
    }

    pub(super) fn into_stream(self) -> Follow {
        Box::pin(stream::unfold(
            self,
            |mut this| async move { this.next().await.map(|item| (Ok(item), this)) },
        ))
    }

    /// Loses nothing when it is dropped.
    async fn next(&mut self) -> Option<FollowItem> {
        loop {
            while let Some(entry) = self.taken.pop_front() {
                if let Some(item) = self.look(entry) {
                    return Some(item);
                }
            }
            // Seen before looking, so that a push between the look and the wait wakes at once.
            self.changed.borrow_and_update();
            match self.take() {
                Taken::Some => {}
                Taken::Gap(gap) => return Some(FollowItem::Gap(gap)),
                Taken::Nothing => self.changed.changed().await.ok()?,
                Taken::Closed => return None,
            }
        }
    }

    fn take(&mut self) -> Taken {
        let entries = self.shared.lock();
        if self.after < entries.floor() && self.next <= entries.first() {
            let gap =
                Gap { from: self.after, to: entries.floor(), reason: GapReason::Overflow, stream: None };
            self.after = gap.to;
            self.next = entries.first();
            return Taken::Gap(gap);
        }
        // A follower that is ahead of the log may be passed by what is let go without missing anything.
        self.next = self.next.max(entries.first());
        self.taken.extend(entries.from(self.next, TAKE));
        self.next += self.taken.len() as u64;
        match (self.taken.is_empty(), entries.is_closed()) {
            (false, _) => Taken::Some,
            (true, false) => Taken::Nothing,
            (true, true) => Taken::Closed,
        }
    }

    /// What of an entry is for this follower; moves on past it.
    fn look(&mut self, entry: Entry) -> Option<FollowItem> {
        match entry {
            Entry::Batch(batch) => {
                let after = self.after;
                self.after = batch.last().map_or(after, |last| after.max(last.position()));
                let new = batch.partition_point(|record| record.position() <= after);
                self.select(&batch, new).map(FollowItem::Batch)
            }
            Entry::Lost(mut gap) => {
                if gap.to <= self.after {
                    return None;
                }
                gap.from = gap.from.max(self.after);
                self.after = gap.to;
                Some(FollowItem::Gap(gap))
            }
            Entry::Deleted { tenant, stream, to } => {
                self.concerns(&tenant, &stream).then_some(FollowItem::Deleted { tenant, stream, to })
            }
        }
    }

    /// The records of the scope from index `new` on: the batch itself where that is all of it.
    fn select(&self, batch: &Arc<[Record]>, new: usize) -> Option<Arc<[Record]>> {
        let records = &batch[new..];
        let wanted = records.iter().filter(|record| self.wants(record)).count();
        if wanted == 0 {
            None
        } else if wanted == batch.len() {
            Some(Arc::clone(batch))
        } else {
            Some(records.iter().filter(|record| self.wants(record)).cloned().collect())
        }
    }

    fn concerns(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        match &self.scope {
            FollowScope::All => true,
            FollowScope::Tenant(wanted) => wanted == tenant,
            FollowScope::Lane(lane) => lane_of(tenant.as_str(), stream.as_str(), self.lanes) == *lane,
        }
    }

    fn wants(&self, record: &Record) -> bool {
        match &self.scope {
            FollowScope::All => true,
            FollowScope::Tenant(tenant) => record.tenant() == tenant.as_str(),
            FollowScope::Lane(lane) => record.lane(self.lanes) == *lane,
        }
    }
}

enum Taken {
    /// There are entries to look at.
    Some,
    /// The ring went on without this follower.
    Gap(Gap),
    /// Everything was looked at.
    Nothing,
    /// Everything was looked at and nothing more comes.
    Closed,
}
