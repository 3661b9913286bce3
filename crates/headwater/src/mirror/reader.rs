//! Reading a stream of either end.

use headwater_broker::{Delivery, Error, Gap, Page, Start};
use headwater_events::{Cursor, Filter, Position, Scope, StreamName, Tenant, lane_of};
use headwater_store::{ClassesKey, GapReason, ReadScope, Store};

use super::{End, MirrorError};

/// How many bytes a page has, about.
const PAGE_BYTES: usize = 1024 * 1024;

/// Reads streams of a tenant, with the classes that are copied.
pub(crate) struct Reader {
    pub(crate) end: End,
    pub(crate) tenant: Tenant,
    internal: bool,
}

impl Reader {
    pub(crate) fn new(end: End, tenant: Tenant, internal: bool) -> Result<Self, MirrorError> {
        if internal && end.store.is_none() {
            let what = "internal events are copied only between brokers in this process, not over HTTP";
            return Err(MirrorError::Options(what.to_owned()));
        }
        Ok(Self { end, tenant, internal })
    }

    pub(crate) async fn page(&self, stream: &StreamName, start: Start, limit: usize) -> Result<Page, Error> {
        match &self.end.store {
            Some(store) if self.internal => self.every_class(&**store, stream, start, limit).await,
            _ => {
                let scope = Scope::Stream(self.tenant.clone(), stream.clone());
                self.end.broker.read(&scope, &Filter::all(), start, limit).await
            }
        }
    }

    /// A page as the broker gives it, with what it hides from readers.
    async fn every_class(
        &self,
        store: &dyn Store,
        stream: &StreamName,
        start: Start,
        limit: usize,
    ) -> Result<Page, Error> {
        let (tenant, epoch) = (&self.tenant, store.epoch());
        let begin = Cursor::new(Scope::Stream(tenant.clone(), stream.clone()).print(), epoch, Position::ZERO);
        let tail = store.lane_tail(lane_of(tenant.as_str(), stream.as_str(), store.lanes())).await?;
        let mut gaps = Vec::new();
        let after = match start {
            Start::Earliest => Position::ZERO,
            Start::Live => tail,
            Start::After(cursor) if cursor.epoch() != epoch || cursor.position() > tail => {
                gaps.push(Gap { from: cursor, to: begin.clone(), reason: GapReason::Reset, stream: None });
                Position::ZERO
            }
            Start::After(cursor) => cursor.position(),
        };
        let scope = ReadScope::Stream(tenant.clone(), stream.clone(), ClassesKey::All);
        let page = store.read(&scope, after, limit, PAGE_BYTES).await?;
        gaps.extend(page.gaps.into_iter().map(|gap| Gap {
            from: begin.at(gap.from),
            to: begin.at(gap.to),
            reason: gap.reason,
            stream: gap.stream,
        }));
        let events = page.records.into_iter().map(|record| Delivery {
            cursor: begin.at(record.position()),
            record,
            merged: 1,
        });
        Ok(Page { gaps, events: events.collect(), next: begin.at(page.next), more: page.more, end: false })
    }
}
