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

/// What the script says of what is behind a page.
const NOTHING: u64 = 0;
const FULL: u64 = 1;
const ENOUGH: u64 = 3;

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
        let first = records.is_empty();
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
        let (more, upto) = (reply::number(&more)?, reply::text(upto)?);
        let end = Id::parse(&upto).map_or(after, |id| Position(id.position));
        if more == FULL && first {
            // The next page is made while this one is taken apart.
            ahead::prepare(link, refs.question(&end.0.to_string(), limit), asked.reads_on);
        }
        let count = records.len();
        for entry in reply::array(found)? {
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
        if more == ENOUGH || (more != NOTHING && records.is_empty()) {
            // What was looked at led to too little: to other tenants, or to what is gone.
            let full = records.len() >= limit.records || bytes >= limit.bytes;
            if !full {
                from = upto;
                continue;
            }
        }
        records.sort_by_key(Record::position);
        let mut page = page::fill(records, after, tail, limit, more != NOTHING, end);
        page::tell(&mut page, after, (after, reply::position(&removed)?), GapReason::Retention);
        page::tell_undecodable(&mut page, after, &undecodable);
        page::tell_lost(&mut page, &tail::lost(&reply::bytes(lost)?)?, after, None, false);
        return Ok(page);
    }
}
