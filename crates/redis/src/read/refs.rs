//! Reading what is referred to: a tenant, a lane, a lane of a tenant.

use headwater_events::{Lane, Position, Tenant};
use headwater_store::{Error, GapReason, Page, Record};

use super::{
    Limit,
    page::{self},
};
use crate::{
    body::{self, Entry},
    link::Link,
    reply::{self, Id},
    script, tail,
};

/// Which references are read.
pub(super) struct Refs {
    /// Their key.
    key: String,
    /// The name of their mark.
    mark: String,
    /// What stands before the stream's name in the name of a run.
    prefix: String,
    /// The tenant wanted of a lane.
    only: String,
}

impl Refs {
    pub(super) fn tenant(tenant: &Tenant) -> Self {
        let key = format!("t:{tenant}");
        Self { mark: key.clone(), key, prefix: format!("{tenant}:"), only: String::new() }
    }

    pub(super) fn lane(lane: Lane) -> Self {
        let key = format!("l:{lane}");
        Self { mark: key.clone(), key, prefix: String::new(), only: String::new() }
    }

    pub(super) fn lane_of_tenant(tenant: &Tenant, lane: Lane) -> Self {
        Self { mark: format!("x:{tenant}:{lane}"), only: tenant.to_string(), ..Self::lane(lane) }
    }
}

pub(super) async fn page(link: &Link, refs: &Refs, after: Position, limit: Limit) -> Result<Page, Error> {
    let mut records: Vec<Record> = Vec::new();
    let mut undecodable = Vec::new();
    let mut bytes = 0;
    let mut from = after.0.to_string();
    loop {
        let rest = [limit.records - records.len().min(limit.records), limit.bytes - bytes.min(limit.bytes)];
        let [most, budget] = rest.map(|n| n.to_string());
        let args = [&refs.key, &refs.mark, &refs.prefix, &refs.only, &from, &most, &budget];
        let answer = reply::array(link.read(&script::REFS, &args.map(String::as_bytes)).await?)?;
        let tail = reply::position(answer.first().unwrap_or(&redis::Value::Nil))?;
        link.saw(tail);
        if answer.len() == 1 {
            return Ok(page::fill(records, after, tail, limit, false, tail));
        }
        let [_, lost, removed, upto, more, found] = reply::parts(redis::Value::Array(answer))?;
        for entry in reply::array(found)? {
            match body::decode(entry)? {
                Entry::Events(new) => {
                    let new = new.into_iter().filter(|record| record.position() > after);
                    records.extend(new.inspect(|record| bytes += record.size()));
                }
                Entry::Undecodable(place) => undecodable.push(place),
            }
        }
        let more = reply::number(&more)? > 0;
        let full = records.len() > limit.records || bytes > limit.bytes;
        if more && !full {
            // What was looked at led to too little: to other tenants, or to what is gone.
            from = reply::text(upto)?;
            continue;
        }
        records.sort_by_key(Record::position);
        let upto = Id::parse(&reply::text(upto)?).map_or(after, |id| Position(id.position));
        let mut page = page::fill(records, after, tail, limit, more, upto);
        page::tell(&mut page, after, (after, reply::position(&removed)?), GapReason::Retention);
        page::tell_undecodable(&mut page, after, &undecodable);
        page::tell_lost(&mut page, &tail::lost(&reply::bytes(lost)?)?, after, None, false);
        return Ok(page);
    }
}
