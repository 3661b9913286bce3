//! A scope's history, page by page.

use std::sync::Arc;

use headwater_events::{Lane, Position, Scope, StreamName, Tenant};
use headwater_store::{ClassesKey, Page, ReadScope, RunRecord, Store};

use crate::Error;

/// Reads a scope's history.
pub(crate) struct History {
    store: Arc<dyn Store>,
    scope: Scope,
    /// Only what the scope has in this lane, where each lane is numbered by itself.
    lane: Option<Lane>,
}

impl History {
    pub(crate) fn new(store: Arc<dyn Store>, scope: Scope, lane: Option<Lane>) -> Self {
        Self { store, scope, lane }
    }

    pub(crate) fn lane(&self) -> Option<Lane> {
        self.lane
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The records behind `after`, at most about `limit` of them.
    pub(crate) async fn page(&self, after: Position, limit: usize, max_bytes: usize) -> Result<Page, Error> {
        let scope = match &self.scope {
            Scope::Stream(tenant, stream) => {
                ReadScope::Stream(tenant.clone(), stream.clone(), ClassesKey::Visible)
            }
            Scope::Tenant(tenant) | Scope::Feed(tenant) => match self.lane {
                Some(lane) => ReadScope::TenantLane(tenant.clone(), lane),
                None => ReadScope::Tenant(tenant.clone()),
            },
            Scope::Streams(tenant, streams) => {
                return self.merged(tenant, streams, after, limit, max_bytes).await;
            }
        };
        Ok(self.store.read(&scope, after, limit, max_bytes).await?)
    }

    /// What the store knows of the run, where the scope is one.
    pub(crate) async fn run(&self) -> Result<Option<RunRecord>, Error> {
        match &self.scope {
            Scope::Stream(tenant, stream) => Ok(self.store.run(tenant, stream).await?),
            Scope::Streams(..) | Scope::Tenant(_) | Scope::Feed(_) => Ok(None),
        }
    }

    /// Several streams in the order of the log: each is read, and what all of them are known to reach is merged.
    async fn merged(
        &self,
        tenant: &Tenant,
        streams: &[StreamName],
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        // A page without more reaches the end of the log as it was before the first read, at least.
        let tail = match self.lane {
            Some(lane) => self.store.lane_tail(lane).await?,
            None => self.store.tail().await?,
        };
        let tail = tail.max(after);
        let share = (limit / streams.len().max(1)).max(16);
        let share_bytes = (max_bytes / streams.len().max(1)).max(16 * 1024);
        let mut merged = Page { next: Position::MAX, ..Page::default() };
        for stream in streams {
            let scope = ReadScope::Stream(tenant.clone(), stream.clone(), ClassesKey::Visible);
            let page = self.store.read(&scope, after, share, share_bytes).await?;
            let reach = if page.more { page.next } else { page.next.max(tail) };
            merged.next = merged.next.min(reach);
            merged.more |= page.more;
            merged.records.extend(page.records);
            merged.gaps.extend(page.gaps.into_iter().map(|mut gap| {
                gap.stream = Some(stream.clone());
                gap
            }));
        }
        if streams.is_empty() {
            merged.next = tail;
        }
        let next = merged.next;
        let all = merged.records.len();
        merged.records.retain(|record| record.position() <= next);
        merged.more |= merged.records.len() < all;
        merged.records.sort_by_key(headwater_store::Record::position);
        // What lies further on is told by the page that gets there.
        merged.gaps.retain_mut(|gap| {
            gap.to = gap.to.min(next);
            gap.from < gap.to
        });
        Ok(merged)
    }
}
