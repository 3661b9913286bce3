//! References to the durable events of a tenant, a lane, or a lane of a tenant.

use std::collections::VecDeque;

use headwater_events::Position;

use super::page;
use crate::{GapReason, Page, Record};

#[derive(Default)]
pub(super) struct Refs {
    records: VecDeque<Record>,
    /// The last one that retention took.
    removed: Position,
}

impl Refs {
    pub(super) fn push(&mut self, record: &Record) {
        self.records.push_back(record.clone());
    }

    /// Retention took everything up to `to`.
    pub(super) fn drop_to(&mut self, to: Position) {
        while let Some(oldest) = self.records.front().filter(|oldest| oldest.position() <= to) {
            // A run that was taken whole may have reached further.
            self.removed = self.removed.max(oldest.position());
            self.records.pop_front();
        }
    }

    /// Takes out single records, given in order. `told`: readers get a gap for it.
    pub(super) fn take_out(&mut self, positions: &[Position], told: bool) {
        let Some(last) = positions.last() else { return };
        let mut positions = positions.iter().copied().peekable();
        self.records.retain(|record| {
            while positions.next_if(|p| *p < record.position()).is_some() {}
            positions.next_if_eq(&record.position()).is_none()
        });
        if told {
            self.removed = self.removed.max(*last);
        }
    }

    pub(super) fn read(&self, after: Position, tail: Position, limit: usize, max_bytes: usize) -> Page {
        let start = self.records.partition_point(|record| record.position() <= after);
        let mut page = page::fill(self.records.range(start..), after, tail, limit, max_bytes);
        page.tell(after, self.removed, GapReason::Retention, None);
        page
    }
}
