//! Reading feeds one step on.

use std::collections::{BTreeMap, BTreeSet};

use headwater_events::{Position, StreamName, Tenant};
use headwater_store::{Error, Record};
use redis::{Cmd, Value, aio::MultiplexedConnection};

use crate::{
    body::{self, Entry},
    failure::{self, Failure},
    link::Link,
    reply::{self, Id},
    script,
};

/// How many entries of each feed are read at once.
const ENTRIES: usize = 32;
/// How many bodies are asked for at once.
const BODIES: usize = 64;

/// What stands in the feeds, in order.
#[derive(Debug)]
pub(super) enum News {
    Records(Vec<Record>),
    /// What stood up to here is not at hand any more.
    Missing {
        to: Position,
    },
    Deleted {
        tenant: Tenant,
        stream: StreamName,
        to: Position,
    },
}

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) news: Vec<News>,
    /// Everything up to here was read. The place where the step began if there was nothing.
    pub(super) upto: Id,
    /// Tenants that were not among those read, with events behind `upto`.
    pub(super) arrived: Vec<Tenant>,
    /// Of which tenants there was anything.
    pub(super) heard: BTreeSet<Tenant>,
}

/// What is read.
pub(super) struct Reading<'a> {
    pub(super) tenants: &'a BTreeSet<Tenant>,
    /// Tenants that are new are told.
    pub(super) arrivals: bool,
    pub(super) from: Id,
    /// Nothing behind this place is taken.
    pub(super) cap: Option<Id>,
}

/// Why a step was not made.
#[derive(Debug)]
pub(super) enum NoStep {
    /// The connection is of no use any more.
    Connection(Failure),
    /// The bodies could not be read.
    Bodies(Error),
}

impl NoStep {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Connection(failure) => Error::unavailable(format_args!("{failure:?}")),
            Self::Bodies(error) => error,
        }
    }
}

/// Entries of feeds in order, and how far all feeds are known by them.
type Taken = (Vec<(Id, Told)>, Option<Id>);

/// One entry of a feed.
struct Told {
    tenant: Tenant,
    before: Id,
    /// Class and name of each stream, with the number beside it.
    refs: Vec<(char, String, u64)>,
}

impl Reading<'_> {
    /// Reads on; waits for at most `block` ms if there is nothing, which is of use with one feed alone.
    pub(super) async fn step(
        &self,
        link: &Link,
        connection: &mut MultiplexedConnection,
        block: Option<u64>,
    ) -> Result<Step, NoStep> {
        let mut step =
            Step { news: Vec::new(), upto: self.from, arrived: Vec::new(), heard: BTreeSet::new() };
        if self.tenants.is_empty() && !self.arrivals {
            return Ok(step);
        }
        let answer = self.ask(link, connection, ENTRIES, block).await?;
        let (feeds, horizon) = self.take(&link.namespace, answer, &mut step).map_err(NoStep::Bodies)?;
        let Some(horizon) = horizon.map(|place| self.cap.map_or(place, |cap| place.min(cap))) else {
            return Ok(step);
        };
        if horizon <= self.from {
            return Ok(step);
        }
        step.upto = horizon;
        let feeds: Vec<_> = feeds.into_iter().filter(|(id, _)| *id <= horizon).collect();
        step.news = news(link, feeds).await.map_err(NoStep::Bodies)?;
        Ok(step)
    }

    /// Waits until there is something, at most so many ms, and gives whether there is. What the server answers then is
    /// of one feed alone and of no use: only without waiting all feeds are read at one moment.
    pub(super) async fn wait(
        &self,
        link: &Link,
        connection: &mut MultiplexedConnection,
        block: u64,
    ) -> Result<bool, NoStep> {
        self.ask(link, connection, 1, Some(block)).await.map(|answer| answer != Value::Nil)
    }

    async fn ask(
        &self,
        link: &Link,
        connection: &mut MultiplexedConnection,
        count: usize,
        block: Option<u64>,
    ) -> Result<Value, NoStep> {
        let answer = connection.send_packed_command(&self.command(&link.namespace, count, block)).await;
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| NoStep::Connection(failure::sort(&error)))
    }

    fn command(&self, namespace: &str, count: usize, block: Option<u64>) -> Cmd {
        let mut command = Cmd::new();
        command.arg("XREAD").arg("COUNT").arg(count);
        if let Some(block) = block {
            command.arg("BLOCK").arg(block);
        }
        command.arg("STREAMS");
        for tenant in self.tenants {
            command.arg(format!("{namespace}:f:{tenant}"));
        }
        if self.arrivals {
            command.arg(format!("{namespace}:ta"));
        }
        let from = self.from.to_string();
        for _ in 0..self.tenants.len() + usize::from(self.arrivals) {
            command.arg(&from);
        }
        command
    }

    /// Takes the answer apart: the entries by their ids, and how far all feeds are known.
    fn take(&self, namespace: &str, answer: Value, step: &mut Step) -> Result<Taken, Error> {
        let mut all = Vec::new();
        let mut last: Option<Id> = None;
        let mut cut: Option<Id> = None;
        let mut missing = Position::ZERO;
        for feed in reply::array(answer)? {
            let [key, entries] = reply::parts(feed)?;
            let key = reply::text(key)?;
            let entries = reply::array(entries)?;
            let full = entries.len() >= ENTRIES;
            let tenant = key.strip_prefix(namespace).and_then(|key| key.strip_prefix(":f:"));
            let mut end = self.from;
            for (i, entry) in entries.into_iter().enumerate() {
                let [id, fields] = reply::parts(entry)?;
                let id = Id::parse(&reply::text(id)?).ok_or_else(reply::strange)?;
                let fields = reply::array(fields)?;
                end = id;
                let Some(tenant) = tenant else {
                    if self.arrive(fields, step) {
                        // What is there of the new ones has not been read.
                        let before = Id { position: id.position.saturating_sub(1), behind: u64::MAX };
                        cut = Some(cut.map_or(before, |cut| cut.min(before)));
                    }
                    continue;
                };
                let tenant: Tenant = tenant.parse().map_err(|_| reply::strange())?;
                // What somebody else wrote here leads to no event.
                let Some(told) = told(&tenant, fields) else { continue };
                if i == 0 && told.before > self.from {
                    missing = missing.max(Position(told.before.position));
                }
                step.heard.insert(tenant);
                all.push((id, told));
            }
            last = last.max(Some(end));
            if full {
                cut = Some(cut.map_or(end, |cut| cut.min(end)));
            }
        }
        if missing > Position::ZERO {
            step.news.push(News::Missing { to: missing });
            all.retain(|(id, _)| id.position > missing.0);
        }
        all.sort_by_key(|(id, _)| *id);
        Ok((all, if cut.is_some() { cut } else { last }))
    }

    /// Notes tenants that are new. Gives whether there is one.
    fn arrive(&self, fields: Vec<Value>, step: &mut Step) -> bool {
        let names = fields.into_iter().step_by(2).filter_map(|name| reply::text(name).ok()?.parse().ok());
        let new: Vec<Tenant> = names.filter(|tenant| !self.tenants.contains(tenant)).collect();
        step.arrived.extend_from_slice(&new);
        !new.is_empty()
    }
}

/// An entry of a feed, if it is one of ours.
fn told(tenant: &Tenant, fields: Vec<Value>) -> Option<Told> {
    let mut fields = fields.into_iter().map(|field| reply::text(field).ok());
    if fields.next()?? != "1" {
        return None;
    }
    let before = Id::parse(&fields.next()??)?;
    let mut refs = Vec::new();
    while let Some(name) = fields.next() {
        let name = name?;
        let (class, name) = name.split_at_checked(1)?;
        refs.push((class.chars().next()?, name.to_owned(), fields.next()??.parse().ok()?));
    }
    Some(Told { tenant: tenant.clone(), before, refs })
}

/// Fetches what entries of feeds lead to.
async fn news(link: &Link, feeds: Vec<(Id, Told)>) -> Result<Vec<News>, Error> {
    let mut asked: Vec<(Id, [String; 3])> = Vec::new();
    let mut deleted: BTreeMap<Id, Vec<News>> = BTreeMap::new();
    for (id, told) in feeds {
        for (class, name, number) in told.refs {
            if class == 'x' {
                let Ok(stream) = name.parse() else { continue };
                let news = News::Deleted { tenant: told.tenant.clone(), stream, to: Position(number) };
                deleted.entry(id).or_default().push(news);
            } else {
                let body = id.position.saturating_sub(number);
                asked.push((id, [format!("{}:{name}", told.tenant), class.to_string(), format!("{body}-0")]));
            }
        }
    }
    let mut segments: BTreeMap<Id, Option<Vec<Record>>> = BTreeMap::new();
    for asked in asked.chunks(BODIES) {
        let args: Vec<&[u8]> = asked.iter().flat_map(|(_, words)| words).map(String::as_bytes).collect();
        let found = reply::array(link.read(&script::BODIES, &args).await?)?;
        for ((id, _), found) in asked.iter().zip(found) {
            let segment = segments.entry(*id).or_insert_with(|| Some(Vec::new()));
            match found {
                // Its stream was deleted: that is told by itself.
                Value::Int(0) => {}
                Value::Int(_) => *segment = None,
                entry => match body::decode(entry)? {
                    Entry::Events(records) => {
                        if let Some(segment) = segment {
                            segment.extend(records);
                        }
                    }
                    Entry::Undecodable(_) => *segment = None,
                },
            }
        }
    }
    let mut all: BTreeMap<Id, Vec<News>> = deleted;
    for (id, records) in segments {
        let news = match records {
            Some(mut records) => {
                records.sort_by_key(Record::position);
                News::Records(records)
            }
            None => News::Missing { to: Position(id.position) },
        };
        all.entry(id).or_default().insert(0, news);
    }
    Ok(all.into_values().flatten().collect())
}
