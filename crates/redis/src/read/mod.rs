//! Reading history.

mod ahead;
mod page;
mod refs;
mod stream;

pub(crate) use ahead::Ahead;

use std::sync::Arc;

use headwater_events::Position;
use headwater_store::{Error, Page, ReadScope};

use crate::link::Link;

/// How much a page may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// One page of a scope.
pub(crate) async fn page(
    link: &Arc<Link>,
    scope: &ReadScope,
    after: Position,
    limit: Limit,
) -> Result<Page, Error> {
    // Nothing stands there, and larger numbers are not exact on the server.
    if after.0 >= 1 << 53 {
        link.live().await?;
        return Ok(Page { next: after, ..Page::default() });
    }
    match scope {
        ReadScope::Stream(tenant, stream, classes) => {
            stream::page(link, tenant, stream, *classes, after, limit).await
        }
        ReadScope::Tenant(tenant) => refs::page(link, &refs::Refs::tenant(tenant), after, limit).await,
        ReadScope::Lane(lane) => refs::page(link, &refs::Refs::lane(*lane), after, limit).await,
        ReadScope::TenantLane(tenant, lane) => {
            refs::page(link, &refs::Refs::lane_of_tenant(tenant, *lane), after, limit).await
        }
    }
}
