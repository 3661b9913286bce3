//! A page as it fills.

use headwater_events::Position;
use headwater_store::{Gap, GapReason, Page, Record};

/// A page, its limits, and how far it has come.
#[derive(Debug)]
pub(super) struct Filler {
    page: Page,
    limit: usize,
    max_bytes: usize,
    bytes: usize,
    /// How many records, and how many bytes, may still be looked at.
    pub(super) budget: Budget,
}

/// What may still be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Budget {
    /// Counts one record, and says whether there is something left.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.records > 0 && self.bytes > 0
    }
}

impl Filler {
    pub(super) fn new(after: Position, limit: usize, max_bytes: usize, budget: Budget) -> Self {
        let page = Page { next: after, ..Page::default() };
        Self { page, limit, max_bytes, bytes: 0, budget }
    }

    /// Up to where it has come.
    pub(super) fn at(&self) -> Position {
        self.page.next
    }

    /// Takes the next record of the scope. `false`: there is no room for it, so that there is more.
    pub(super) fn offer(&mut self, record: &Record) -> bool {
        let full = self.page.records.len() >= self.limit
            || (!self.page.records.is_empty() && self.bytes + record.size() > self.max_bytes);
        if full {
            self.page.more = true;
            return false;
        }
        self.bytes += record.size();
        self.page.next = self.page.next.max(record.position());
        self.page.records.push(record.clone());
        true
    }

    /// Nothing of the scope stands between here and `position`.
    pub(super) fn pass(&mut self, position: Position) {
        self.page.next = self.page.next.max(position);
    }

    /// What lies up to `to` is missing. Each reason is told once, over all that is missing for it.
    pub(super) fn missing(&mut self, from: Position, to: Position, reason: GapReason) {
        if to <= from {
            return;
        }
        match self.page.gaps.iter_mut().find(|gap| gap.reason == reason) {
            Some(gap) => gap.to = gap.to.max(to),
            None => self.page.gaps.push(Gap { from, to, reason, stream: None }),
        }
        self.pass(to);
    }

    /// There is more, which was not looked at.
    pub(super) fn unfinished(&mut self) {
        self.page.more = true;
    }

    pub(super) fn is_finished(&self) -> bool {
        self.page.more
    }

    pub(super) fn into_page(self) -> Page {
        self.page
    }
}
