//! Reading run records.

use std::ops::Bound;

use fjall::Readable;
use headwater_events::{Position, StreamName, Tenant};
use headwater_store::{Error, RunRecord};

use super::{Reading, effective};
use crate::{codec, engine::storage, keys, shared::Shared};

/// The record of a run.
pub(crate) fn run(shared: &Shared, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
    let (tail, view) = shared.tail_and_view()?;
    let key = keys::run(tenant.as_str(), stream.as_str());
    let late = shared.late.get(&key);
    let reading = Reading::new(&view, tail);
    let Some(record) = reading.run(&key, late)? else {
        return Ok(None);
    };
    effective(&reading, &key, record, Position::ZERO).map(Some)
}

/// Runs of a tenant in the order of their names.
pub(crate) fn runs(
    shared: &Shared,
    tenant: &Tenant,
    after: Option<&StreamName>,
    limit: usize,
) -> Result<Vec<(StreamName, RunRecord)>, Error> {
    let (tail, view) = shared.tail_and_view()?;
    let late = shared.late.all();
    let reading = Reading::new(&view, tail);
    let prefix = keys::runs_of(tenant.as_str());
    let start = match after {
        Some(after) => Bound::Excluded(keys::run(tenant.as_str(), after.as_str())),
        None => Bound::Included(prefix.clone()),
    };
    let mut runs = Vec::new();
    for entry in
        reading.snapshot.range::<Vec<u8>, _>(&view.engine.runs, (start, Bound::Unbounded)).take(limit)
    {
        let (key, value) = entry.into_inner().map_err(storage)?;
        let Some(name) = key.strip_prefix(prefix.as_slice()) else {
            break;
        };
        let name = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
        let name = name.ok_or_else(|| Error::corrupt(None, "a run record has no name"))?;
        let mut record = codec::decode_run(&value)?;
        late.get(&*key).map(|late| late.grow(&mut record));
        let record = effective(&reading, &key, record, Position::ZERO)?;
        runs.push((name, record));
    }
    Ok(runs)
}
