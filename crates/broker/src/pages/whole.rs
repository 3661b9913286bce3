//! A page of a run with every class in it.

use std::sync::Arc;

use headwater_events::{Scope, StreamName, Tenant, lane_of};
use headwater_store::{ClassesKey, ReadScope, Store};

use super::MAX_BYTES;
use crate::{Delivery, Error, Gap, Page, Start, reader::Begin};

/// One page of a run with every class in it, internal events too.
pub(crate) async fn read_whole(
    store: &Arc<dyn Store>,
    tenant: &Tenant,
    stream: &StreamName,
    start: Start,
    limit: usize,
) -> Result<Page, Error> {
    let scope = Scope::Stream(tenant.clone(), stream.clone());
    let lane = store
        .capabilities()
        .vector_positions
        .then(|| lane_of(tenant.as_str(), stream.as_str(), store.lanes()));
    let begin = Begin::resolve(&**store, &scope, lane, start).await?;
    let whole = ReadScope::Stream(tenant.clone(), stream.clone(), ClassesKey::All);
    let part = store.read(&whole, begin.position, limit, MAX_BYTES).await?;
    let at = |position| begin.cursor.at(position);
    let gaps = part.gaps.into_iter().map(|gap| Gap {
        from: at(gap.from),
        to: at(gap.to),
        reason: gap.reason,
        stream: gap.stream,
    });
    let events = part.records.into_iter().map(|record| {
        let cursor = at(record.position());
        Delivery { record, cursor, merged: 1 }
    });
    Ok(Page {
        gaps: begin.gap.clone().into_iter().chain(gaps).collect(),
        events: events.collect(),
        next: at(part.next),
        more: part.more,
        end: false,
    })
}
