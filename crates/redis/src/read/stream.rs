//! Reading one stream.

use headwater_events::{Position, StreamName, Tenant};
use headwater_store::{ClassesKey, Error, GapReason, Page, Record};
use redis::Value;

use super::{
    Limit,
    page::{self, tell},
};
use crate::{
    body::{self, Entry},
    link::Link,
    reply, run, script, tail,
};

pub(super) async fn page(
    link: &Link,
    tenant: &Tenant,
    stream: &StreamName,
    classes: ClassesKey,
    after: Position,
    limit: Limit,
) -> Result<Page, Error> {
    let letters = match classes {
        ClassesKey::Visible => "dt",
        ClassesKey::All => "dti",
    };
    let numbers = [after.0, limit.records as u64, limit.bytes as u64].map(|n| n.to_string());
    let [at, records, bytes] = &numbers;
    let args = [tenant.as_str(), stream.as_str(), at, records, bytes, letters].map(str::as_bytes);
    let mut answer = reply::array(link.read(&script::STREAM, &args).await?)?;
    let tail = reply::position(answer.first().unwrap_or(&Value::Nil))?;
    link.saw(tail);
    if answer.len() == 1 {
        return Ok(Page { next: after.max(tail), ..Page::default() });
    }
    let parts = reply::array(answer.pop().unwrap_or_default())?;
    let [_, lost, forgotten, gone, record] = reply::parts(Value::Array(answer))?;
    let lost = tail::lost(&reply::bytes(lost)?)?;
    let record = reply::bytes(record)?;
    let run = if record.is_empty() { None } else { Some(run::decode(&record)?) };
    let read = read(parts, after)?;
    let mut page = page::fill(read.records, after, tail, limit, read.more, read.reach);

    let gone = reply::text(gone)?;
    let gone = gone.split_once(':').and_then(|(to, why)| Some((Position(to.parse().ok()?), why == "d")));
    // To one who starts at the beginning, a deleted run never was.
    if let Some((to, deleted)) = gone
        && (!deleted || after > Position::ZERO)
    {
        tell(&mut page, after, (after, to), if deleted { GapReason::Deleted } else { GapReason::Retention });
    }
    match &run {
        Some(run) => {
            let removed = match classes {
                ClassesKey::Visible => run.record.removed,
                ClassesKey::All => run.record.removed.max(run.internal_removed),
            };
            tell(&mut page, after, (after, removed), GapReason::Retention);
            // Nothing of the run lies before its first event.
            if !page.is_whole(after.max(run.record.first.prev()), run.record.trimmed) {
                tell(&mut page, after, (after, run.record.trimmed), GapReason::Trimmed);
            }
        }
        // Whoever comes back from so long ago may have left something here.
        None if gone.is_none() && after > Position::ZERO => {
            tell(&mut page, after, (after, reply::position(&forgotten)?), GapReason::Retention);
        }
        None => {}
    }
    page::tell_undecodable(&mut page, after, &read.undecodable);
    page::tell_lost(&mut page, &lost, after, run.as_ref().map(|run| &run.record), true);
    Ok(page)
}

struct Read {
    /// In order, all behind the position asked for.
    records: Vec<Record>,
    undecodable: Vec<Position>,
    /// There is more behind `reach`.
    more: bool,
    reach: Position,
}

/// Merges what was read of each class, as far as all of them reach.
fn read(parts: Vec<Value>, after: Position) -> Result<Read, Error> {
    let mut read = Read { records: Vec::new(), undecodable: Vec::new(), more: false, reach: Position::MAX };
    for part in parts {
        let [entries, more] = reply::parts(part)?;
        let mut last = after;
        for entry in reply::array(entries)? {
            match body::decode(entry)? {
                Entry::Events(records) => {
                    last = records.last().map_or(last, Record::position);
                    read.records.extend(records.into_iter().filter(|record| record.position() > after));
                }
                Entry::Undecodable(place) => {
                    last = last.max(place);
                    read.undecodable.push(place);
                }
            }
        }
        if reply::number(&more)? > 0 {
            read.more = true;
            read.reach = read.reach.min(last);
        }
    }
    read.records.sort_by_key(Record::position);
    read.records.retain(|record| record.position() <= read.reach);
    read.undecodable.retain(|place| *place <= read.reach);
    Ok(read)
}
