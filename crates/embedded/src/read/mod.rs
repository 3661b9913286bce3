//! Reading history. Everything here blocks and runs on threads made for that.

mod entries;
mod gaps;
mod lanes;
mod page;
mod refs;
mod runs;
mod stream;

use fjall::{Readable, Snapshot};
use headwater_events::Position;
use headwater_store::{Error, Page, ReadScope, RunRecord};

pub(crate) use gaps::effective;
pub(crate) use runs::{run, runs};

use crate::{codec, keys, late::Growth, shared::Shared, view::View};

/// One picture of the database, and where the log ended when it was taken at the latest.
pub(crate) struct Reading<'a> {
    pub(crate) view: &'a View,
    pub(crate) snapshot: Snapshot,
    pub(crate) tail: Position,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(view: &'a View, tail: Position) -> Self {
        Self { view, snapshot: view.engine.db.snapshot(), tail }
    }

    /// The record of a run, brought up to date with what was late before the picture was taken.
    pub(crate) fn run(&self, run: &[u8], late: Option<Growth>) -> Result<Option<RunRecord>, Error> {
        let value = self.get(&self.view.engine.runs, run)?;
        let mut record = value.map(|value| codec::decode_run(&value)).transpose()?;
        if let (Some(record), Some(late)) = (&mut record, late) {
            late.grow(record);
        }
        Ok(record)
    }

    /// The value under a key of this picture.
    pub(crate) fn get(&self, keyspace: &fjall::Keyspace, key: &[u8]) -> Result<Option<fjall::Slice>, Error> {
        self.snapshot.get(keyspace, key).map_err(crate::engine::storage)
    }
}

/// How much a page may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// One page of a scope.
pub(crate) fn page(shared: &Shared, scope: &ReadScope, after: Position, limit: Limit) -> Result<Page, Error> {
    let (tail, view) = shared.tail_and_view()?;
    let reading = || Reading::new(&view, tail);
    match scope {
        ReadScope::Stream(tenant, stream, classes) => {
            let run = keys::run(tenant.as_str(), stream.as_str());
            let late = shared.late.get(&run);
            stream::page(&reading(), (&run, late), *classes, after, limit)
        }
        ReadScope::Tenant(tenant) => refs::page(&reading(), &refs::Scope::tenant(tenant), after, limit),
        ReadScope::TenantLane(tenant, lane) => {
            refs::page(&reading(), &refs::Scope::lane_of_tenant(tenant, *lane), after, limit)
        }
        ReadScope::Lane(lane) => lanes::page(&reading(), *lane, after, limit),
    }
}
