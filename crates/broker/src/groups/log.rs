//! What a lane reads of the log.

use std::time::Duration;

use headwater_events::{Class, Position};
use headwater_store::{ClassesKey, GapReason, Page, ReadScope, Record, Store};

use tokio::time::Instant;

use super::{lane::LaneWork, letters, run::Run, state::Reopened};
use crate::{
    Error,
    api::groups::{Group, GroupGap},
};

/// Events behind the mark are read when fewer than this are at hand.
const LOW: usize = 512;
/// How many are read at once, and how many bytes of them.
pub(super) const PAGE: (usize, usize) = (1024, 4 * 1024 * 1024);
/// How often a mark is compared with the end of the log.
const COMPARE: Duration = Duration::from_millis(500);
/// How many events of a held run are read at once.
const RUN_PAGE: usize = 64;

impl LaneWork {
    /// Gets to hand what the next `max` deliveries need of runs that are held. What is behind the mark is read ahead.
    pub(super) async fn prepare(
        &mut self,
        store: &dyn Store,
        group: &Group,
        max: usize,
    ) -> Result<(), Error> {
        if self.state.epoch != store.epoch() || self.is_past_the_end(store).await? {
            self.begin_anew(store.epoch());
        }
        for run in self.wanting(max) {
            self.read_run(store, group, &run).await?;
        }
        Ok(())
    }

    /// Whether nothing more is to be read ahead now: by count, and by weight where events are large.
    pub(super) fn has_enough(&self) -> bool {
        self.ahead.len() >= LOW || self.ahead.iter().map(Record::weight).sum::<usize>() >= PAGE.1
    }

    /// What was read behind `read_to`.
    pub(super) fn take_page(&mut self, page: Page) {
        for gap in page.gaps {
            self.tell(gap.from, gap.to, gap.reason, gap.stream);
        }
        self.ahead.extend(page.records);
        self.read_to = page.next.max(self.read_to);
        (self.reading, self.more) = (false, page.more || self.touched);
    }

    /// Whether the mark is of a log that was longer. A server is asked now and then, not with every round.
    async fn is_past_the_end(&mut self, store: &dyn Store) -> Result<bool, Error> {
        let now = Instant::now();
        if self.compared.is_some_and(|at| now < at + COMPARE) {
            return Ok(false);
        }
        let mut past = self.state.mark > store.lane_tail(self.lane).await?;
        if past {
            // A store may only know a tail as far as it has followed the log: reading goes by the log itself.
            store.read(&self.scope, self.state.mark, 1, PAGE.1).await?;
            past = self.state.mark > store.lane_tail(self.lane).await?;
        }
        self.compared = Some(now);
        Ok(past)
    }

    /// The first open event of a run, which is expected at a position.
    pub(super) async fn event_of(
        &mut self,
        store: &dyn Store,
        group: &Group,
        run: &Run,
        position: Position,
    ) -> Result<Option<Record>, Error> {
        if self.queues.first(run, position).is_none() {
            self.read_run(store, group, run).await?;
        }
        Ok(self.queues.first(run, position).cloned())
    }

    /// Reads the events at the head of a held run.
    async fn read_run(&mut self, store: &dyn Store, group: &Group, run: &Run) -> Result<(), Error> {
        let Some(held) = self.state.held.get(run) else { return Ok(()) };
        if let Some(reopened) = held.reopened.first().copied() {
            let record = self.read_reopened(store, group, run, reopened).await?;
            self.refill(run, record.into_iter().collect(), false);
            return Ok(());
        }
        let Some(from) = held.from else { return Ok(()) };
        let (mut records, mut after, mut whole) = (Vec::new(), from.prev(), false);
        while !whole && records.len() < RUN_PAGE {
            let page = store.read(&scope(run), after, RUN_PAGE * 2, PAGE.1).await?;
            for gap in page.gaps {
                // Deltas are never offered to groups.
                if gap.reason != GapReason::Trimmed && gap.from < self.state.mark {
                    self.tell(gap.from, gap.to.min(self.state.mark), gap.reason, Some(run.stream.clone()));
                }
            }
            whole = !page.more || page.next >= self.state.mark;
            after = page.next;
            let open = page.records.into_iter().filter(|record| record.class() == Class::Durable);
            for record in open {
                if record.position() > self.state.mark {
                    whole = true;
                    break;
                }
                if records.len() == RUN_PAGE {
                    whole = false;
                    break;
                }
                records.push(record);
            }
        }
        self.refill(run, records, whole);
        Ok(())
    }

    /// An event that lives again: from the log, or from its dead letter where the log no longer has it.
    async fn read_reopened(
        &mut self,
        store: &dyn Store,
        group: &Group,
        run: &Run,
        reopened: Reopened,
    ) -> Result<Option<Record>, Error> {
        let page = store.read(&scope(run), reopened.position.prev(), 1, PAGE.1).await?;
        let found = page.records.into_iter().next().filter(|record| record.position() == reopened.position);
        if found.is_some() {
            return Ok(found);
        }
        let letter = letters::find(store, group, &run.tenant, reopened.letter).await?;
        if letter.is_none() {
            let stream = Some(run.stream.clone());
            self.tell(reopened.position.prev(), reopened.position, GapReason::Retention, stream);
        }
        Ok(letter)
    }

    fn tell(
        &mut self,
        from: Position,
        to: Position,
        reason: GapReason,
        stream: Option<headwater_events::StreamName>,
    ) {
        self.gaps.push(GroupGap { lane: self.lane.0, from, to, reason, stream });
    }
}

fn scope(run: &Run) -> ReadScope {
    ReadScope::Stream(run.tenant.clone(), run.stream.clone(), ClassesKey::Visible)
}
