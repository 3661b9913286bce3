//! Dead letters: events of class `internal` in a stream of the group's own, written before the ack.
//!
//! A letter that was replayed or discarded is followed by an event that says so: what is open is a fold over the
//! stream.

mod list;

use std::time::Duration;

use headwater_events::{Class, Event, Lane, Mark, Position, StreamName, Tenant};
use headwater_store::{Append, ClassesKey, ReadScope, Record, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(super) use self::list::{Wanted, count, open};
use super::lost::Lost;
use crate::{
    Error,
    api::groups::{DeadLetter, Group},
};

const LETTER: &str = "headwater.dead-letter.v1";
const SETTLED: &str = "headwater.dead-letter.settled.v1";
/// How much of a reason is kept.
const MAX_REASON: usize = 1024;
const PAGE: (usize, usize) = (512, 4 * 1024 * 1024);

#[derive(Serialize, Deserialize)]
struct Letter {
    source_position: u64,
    lane: u16,
    stream: String,
    reason: String,
    attempts: u32,
    first_failed_ms: i64,
    last_failed_ms: i64,
    event: Box<RawValue>,
}

#[derive(Serialize, Deserialize)]
struct Settled {
    letters: Vec<u64>,
    how: How,
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    Replayed,
    Discarded,
    Expired,
}

/// Whether a letter is older than its group keeps them.
pub(super) fn has_expired(letter: &DeadLetter, keep: Option<Duration>, now: Timestamp) -> bool {
    keep.is_some_and(|keep| letter.failed_at.1.as_millisecond() + ms(keep) <= now.as_millisecond())
}

fn ms(time: Duration) -> i64 {
    // Far enough from the largest that a time can be added to it.
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// Stores the letters of events that are given up, and gives where each stands.
pub(super) async fn bury(
    store: &dyn Store,
    group: &Group,
    group_life: u64,
    now: Timestamp,
    lost: &[(Lost, Record)],
) -> Result<Vec<Position>, Error> {
    let now_ms = now.as_millisecond();
    let mut batch = Vec::with_capacity(lost.len());
    for (lost, record) in lost {
        let json = String::from_utf8_lossy(record.event().json()).into_owned();
        let Ok(event) = RawValue::from_string(json) else {
            return Err(headwater_store::Error::corrupt(
                Some(lost.position),
                "an event's JSON cannot be read",
            )
            .into());
        };
        let letter = Letter {
            source_position: lost.position.0,
            lane: lost.lane.0,
            stream: lost.run.stream.to_string(),
            reason: cut(&lost.reason).to_owned(),
            attempts: lost.attempts,
            first_failed_ms: if lost.failed_ms == 0 { now_ms } else { lost.failed_ms },
            last_failed_ms: now_ms,
            event,
        };
        // One life of an event dies once, however often that is written.
        let id =
            format!("{}/{group_life:x}/{}/{}/{}", store.epoch(), lost.lane, lost.position, lost.replay_of);
        let trace = record.event().traceparent();
        batch.push(append(group, &lost.run.tenant, LETTER, &id, now, trace, &letter)?);
    }
    Ok(store.append(batch).await?.into_iter().map(|appended| appended.position).collect())
}

/// Says that letters are done with.
pub(super) async fn settle(
    store: &dyn Store,
    group: &Group,
    tenant: &Tenant,
    now: Timestamp,
    letters: &[Position],
    how: How,
) -> Result<(), Error> {
    let settled = Settled { letters: letters.iter().map(|position| position.0).collect(), how };
    let first = letters.first().copied().unwrap_or_default();
    let id = format!("{}/settled/{first}/{}", store.epoch(), letters.len());
    store.append(vec![append(group, tenant, SETTLED, &id, now, None, &settled)?]).await?;
    Ok(())
}

/// The event of a letter, at the place where it stood in the log.
pub(super) async fn find(
    store: &dyn Store,
    group: &Group,
    tenant: &Tenant,
    letter: Position,
) -> Result<Option<Record>, Error> {
    let page = store.read(&scope(group, tenant), letter.prev(), 1, PAGE.1).await?;
    let Some(record) = page.records.into_iter().next().filter(|record| record.position() == letter) else {
        return Ok(None);
    };
    let found = read(tenant, &record).map(|letter| {
        let (class, mark) = (letter.event.class(), letter.event.mark());
        Record::new(letter.event, letter.source_position, record.stored_at(), class, mark)
    });
    Ok(found)
}

fn scope(group: &Group, tenant: &Tenant) -> ReadScope {
    ReadScope::Stream(tenant.clone(), StreamName::dead_letters(&group.name), ClassesKey::All)
}

fn append(
    group: &Group,
    tenant: &Tenant,
    ty: &str,
    id: &str,
    now: Timestamp,
    traceparent: Option<&str>,
    data: &impl Serialize,
) -> Result<Append, Error> {
    let stream = StreamName::dead_letters(&group.name);
    let mut event =
        Event::builder(source(group), ty).id(id).tenant(tenant).stream(&stream).time(now).data(data);
    if let Some(traceparent) = traceparent {
        event = event.traceparent(traceparent);
    }
    let event = event.build().map_err(|error| Error::InvalidEvent { index: 0, error })?;
    Ok(Append { event, tenant: tenant.clone(), stream, class: Class::Internal, mark: Mark::None })
}

/// Two groups of one name, of a tenant and of all, share a stream.
fn source(group: &Group) -> String {
    let whose = if group.tenant.is_some() { "groups" } else { "all-groups" };
    format!("/headwater/{whose}/{}", group.name)
}

fn payload<T: for<'de> Deserialize<'de>>(record: &Record) -> Option<T> {
    record.event().data_as().ok()
}

fn read(tenant: &Tenant, record: &Record) -> Option<DeadLetter> {
    let letter: Letter = payload(record)?;
    let time = |ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let event = Event::from_stored(String::from(Box::<str>::from(letter.event)).into_bytes().into()).ok()?;
    Some(DeadLetter {
        position: record.position(),
        tenant: tenant.clone(),
        source_position: Position(letter.source_position),
        lane: Lane(letter.lane),
        reason: letter.reason,
        attempts: letter.attempts,
        failed_at: (time(letter.first_failed_ms), time(letter.last_failed_ms)),
        event,
    })
}

/// The beginning of a text, at the end of a character.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_REASON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
