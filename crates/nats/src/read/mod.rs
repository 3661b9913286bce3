//! Reading back.
//!
//! A page is the messages first, then what is missing: that is written down before it goes, so that whoever reads the
//! messages first and asks afterwards cannot be left untold.

mod page;
mod scan;
mod scans;

pub(crate) use scan::Scan;
pub(crate) use scans::Scans;

use std::sync::Arc;

use headwater_events::{Position, lane_of};
use headwater_store::{Error, GapReason, Page, ReadScope};

use crate::{link::Link, marks::Gone};

impl Link {
    /// History of a scope.
    pub(crate) async fn page(
        self: &Arc<Self>,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        if after == Position::MAX {
            return Ok(Page { next: after, ..Page::default() });
        }
        let lanes = self.identity.borrow().lanes;
        match scope {
            ReadScope::Stream(tenant, stream, classes) => {
                let lane = lane_of(tenant.as_str(), stream.as_str(), lanes);
                let filter = match classes {
                    headwater_store::ClassesKey::Visible => self.names.visible(tenant, lane, stream),
                    headwater_store::ClassesKey::All => self.names.stream(tenant, lane, stream),
                };
                let mut page = self.messages(&filter, after, limit, max_bytes).await?;
                let past = self.past(tenant, stream).await?;
                if let Some(gone) = &past.gone {
                    page.leave_out(gone.to());
                }
                let internal = matches!(classes, headwater_store::ClassesKey::All);
                let mut removed = past.removed.max(if internal { past.internal } else { 0 });
                match &past.gone {
                    // Each reason is told once.
                    Some(gone) if gone.retention => removed = removed.max(gone.to),
                    // To one who starts at the beginning, a deleted life never was.
                    Some(gone) if after > Position::ZERO => page.tell(after, gone.to(), GapReason::Deleted),
                    _ => {}
                }
                if page.records.is_empty() && past.is_blank() && after > Position::ZERO {
                    // Nothing is known of it: whoever comes from before what retention took may have left something.
                    removed = self.removed(Some(tenant), Some(lane)).await?;
                }
                page.tell(after, Position(removed), GapReason::Retention);
                let first =
                    past.first.map(|(first, _)| first).or(page.records.first().map(|r| r.position().0));
                // Nothing of the run lies before its first event.
                let from = if past.first.is_some() || after == Position::ZERO { first } else { None };
                let from = after.max(Position(from.unwrap_or(0).saturating_sub(1)));
                if !page.is_whole(from, Position(past.trimmed)) {
                    page.tell(after, Position(past.trimmed), GapReason::Trimmed);
                }
                Ok(page)
            }
            ReadScope::Tenant(tenant) => self.referred(Some(tenant), None, after, limit, max_bytes).await,
            ReadScope::Lane(lane) => self.referred(None, Some(*lane), after, limit, max_bytes).await,
            ReadScope::TenantLane(tenant, lane) => {
                self.referred(Some(tenant), Some(*lane), after, limit, max_bytes).await
            }
        }
    }

    /// Durable events of a tenant, a lane, or both.
    async fn referred(
        self: &Arc<Self>,
        tenant: Option<&headwater_events::Tenant>,
        lane: Option<headwater_events::Lane>,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        let filter = self.names.durable(tenant, lane);
        let mut page = self.messages(&filter, after, limit, max_bytes).await?;
        let removed = self.removed(tenant, lane).await?;
        page.tell(after, Position(removed), GapReason::Retention);
        Ok(page)
    }

    /// The position of the last event.
    pub(crate) async fn tail(&self) -> Result<Position, Error> {
        if let Some(info) = self.info().await? {
            return Ok(Position(info.state.last_seq));
        }
        // Somebody took the log away.
        self.verify().await?;
        let info = self.info().await?.ok_or_else(|| self.unavailable("the log is gone"))?;
        Ok(Position(info.state.last_seq))
    }
}

/// What the store adds to a page.
trait Tell {
    /// Tells what is missing up to `to`, as far as the page reaches.
    fn tell(&mut self, after: Position, to: Position, reason: GapReason);
    /// Leaves out what is being deleted.
    fn leave_out(&mut self, to: Position);
}

impl Tell for Page {
    fn tell(&mut self, after: Position, to: Position, reason: GapReason) {
        let to = to.min(self.next);
        if !self.is_whole(after, to) {
            self.gaps.push(headwater_store::Gap { from: after, to, reason, stream: None });
        }
    }

    fn leave_out(&mut self, to: Position) {
        if self.records.first().is_some_and(|record| record.position() <= to) {
            self.records.retain(|record| record.position() > to);
        }
    }
}

impl Gone {
    fn to(&self) -> Position {
        Position(self.to)
    }
}
