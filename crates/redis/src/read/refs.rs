//! Reading what is referred to: a tenant, a lane, a lane of a tenant.

use std::sync::Arc;

use headwater_events::{Lane, Position, Tenant};
use headwater_store::{Error, GapReason, Page, Record};
use redis::Value;

use super::{
    Limit,
    ahead::{self, Question},
    page::{self},
};
use crate::{
    body::{self, Entry},
    link::Link,
    reply::{self, Id},
    tail,
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

    /// The page behind `from`.
    fn question(&self, from: &str, limit: Limit) -> Question {
        let Self { key, mark, prefix, only } = self;
        let numbers = [limit.records, limit.bytes].map(|n| n.to_string());
        let [records, bytes] = numbers;
        [key.clone(), mark.clone(), prefix.clone(), only.clone(), from.to_owned(), records, bytes]
    }
}

pub(super) async fn page(
    link: &Arc<Link>,
    refs: &Refs,
    after: Position,
    limit: Limit,
) -> Result<Page, Error> {
    let mut records: Vec<Record> = Vec::new();
    let mut undecodable = Vec::new();
    let mut bytes = 0;
    let mut from = after.0.to_string();
    loop {
        let rest = Limit {
            records: limit.records - records.len().min(limit.records),
            bytes: limit.bytes - bytes.min(limit.bytes),
        };
        let asked = ahead::ask(link, refs.question(&from, rest)).await?;
        let tail = reply::position(asked.answer.first().unwrap_or(&Value::Nil))?;
        link.saw(tail);
        if asked.answer.len() == 1 {
            return Ok(page::fill(records, after, tail, limit, false, tail));
        }
        let [_, lost, removed, _, upto, more, found] = reply::parts(Value::Array(asked.answer))?;
        let (more, upto, found) = (reply::number(&more)? > 0, reply::text(upto)?, reply::array(found)?);
        let reach = Id::parse(&upto).map_or(after, |id| Position(id.position));
        if let Some(end) = ends(&found, after, rest, reach).filter(|_| more && records.is_empty()) {
            // The next page is made while this one is taken apart.
            ahead::prepare(link, refs.question(&end.0.to_string(), limit), asked.reads_on);
        }
        let count = records.len();
        for entry in found {
            match body::decode(entry)? {
                Entry::Events(new) => {
                    let new = new.into_iter().filter(|record| record.position() > after);
                    records.extend(new.inspect(|record| bytes += record.size()));
                }
                Entry::Undecodable(place) => undecodable.push(place),
            }
        }
        if let Some(unchanged) = asked.unchanged
            && !unchanged.await?
        {
            // Something was deleted since: it is read anew.
            records.truncate(count);
            undecodable.clear();
            bytes = records.iter().map(Record::size).sum();
            continue;
        }
        let full = records.len() >= limit.records || bytes >= limit.bytes;
        if more && !full {
            // What was looked at led to too little: to other tenants, or to what is gone.
            from = upto;
            continue;
        }
        records.sort_by_key(Record::position);
        let mut page = page::fill(records, after, tail, limit, more, reach);
        page::tell(&mut page, after, (after, reply::position(&removed)?), GapReason::Retention);
        page::tell_undecodable(&mut page, after, &undecodable);
        page::tell_lost(&mut page, &tail::lost(&reply::bytes(lost)?)?, after, None, false);
        return Ok(page);
    }
}

/// Where a page of these entries ends, before they are taken apart: `None` where that is not known.
fn ends(found: &[Value], after: Position, limit: Limit, reach: Position) -> Option<Position> {
    let events = found.iter().flat_map(body::places).filter(|(place, _)| *place > after);
    let (mut places, sizes): (Vec<Position>, Vec<usize>) = events.unzip();
    if sizes.iter().sum::<usize>() > limit.bytes {
        return None;
    }
    if places.len() <= limit.records {
        return (places.len() == limit.records).then_some(reach);
    }
    places.sort_unstable();
    limit.records.checked_sub(1).map(|last| places[last])
}
