//! Reading feeds one step on.

use std::collections::{BTreeMap, BTreeSet};

use headwater_events::{Position, StreamName, Tenant};
use headwater_store::{Error, Record};
use redis::{Cmd, Pipeline, Value, aio::MultiplexedConnection};

use crate::{
    body::{self, Entry},
    failure::{self, Failure},
    link::Link,
    reply::{self, Id},
    script, tail,
};

/// How many entries of each feed are read at once.
const ENTRIES: usize = 32;
/// How many bodies are asked for at once.
const BODIES: usize = 64;
/// About how many bytes of bodies come with the entries of feeds.
const BYTES: usize = 1 << 20;

/// What stands in the feeds, in order.
#[derive(Debug)]
pub(crate) enum News {
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
pub(crate) struct Step {
    pub(super) news: Vec<News>,
    /// Everything up to here was read. The place where the step began if there was nothing.
    pub(super) upto: Id,
    /// Tenants that were not among those read, with events behind `upto`.
    pub(super) arrived: Vec<Tenant>,
    /// Of which tenants there was anything.
    pub(super) heard: BTreeSet<Tenant>,
}

/// What is read.
pub(crate) struct Reading<'a> {
    pub(crate) tenants: &'a BTreeSet<Tenant>,
    /// Tenants that are new are told.
    pub(crate) arrivals: bool,
    pub(crate) from: Id,
    /// Nothing behind this place is taken.
    pub(crate) cap: Option<Id>,
}

/// Entries of feeds in order, and how far all feeds are known by them.
type Taken = (Vec<(Id, Told)>, Option<Id>);

/// One entry of a feed.
struct Told {
    tenant: Tenant,
    before: Id,
    refs: Vec<Ref>,
}

/// What an entry of a feed leads to.
struct Ref {
    class: char,
    name: String,
    number: u64,
    /// The body, if it came along.
    body: Option<Value>,
}

impl Reading<'_> {
    /// Reads on.
    pub(crate) async fn step(&self, link: &Link) -> Result<Step, Error> {
        if self.tenants.is_empty() && !self.arrivals {
            return Ok(self.nothing());
        }
        let words = self.words();
        let args: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        let answer = link.read(&script::NEWS, &args).await?;
        self.digest(link, answer).await
    }

    /// Waits until there is something, at most so many ms, and reads on.
    pub(super) async fn step_after(
        &self,
        link: &Link,
        connection: &mut MultiplexedConnection,
        block: u64,
    ) -> Result<Step, Error> {
        let lost = |error: redis::RedisError| Error::unavailable(format_args!("{:?}", failure::sort(&error)));
        let answer = self.ask_after(link, connection, block).await.map_err(lost)?;
        match answer.extract_error() {
            Ok(answer) => self.digest(link, answer).await,
            Err(error) if script::is_unknown(&error) => self.step(link).await,
            Err(error) => match failure::sort(&error) {
                Failure::Replaced => {
                    // Looking takes notice of it, and whoever asked sees that.
                    tail::look(link).await?;
                    Ok(self.nothing())
                }
                _ => Err(lost(error)),
            },
        }
    }

    /// Waits, and gives what the script answers then.
    ///
    /// The script stands behind the blocking read on the same connection: the server runs it the moment that it wakes
    /// up, so that news is one trip away. What the blocking read itself answers is of one feed alone, and of no use:
    /// only the script sees all feeds at one moment.
    pub(crate) async fn ask_after(
        &self,
        link: &Link,
        connection: &mut MultiplexedConnection,
        block: u64,
    ) -> redis::RedisResult<Value> {
        let mut both = Pipeline::new();
        both.add_command(self.wait(&link.namespace, block));
        let (epoch, words) = (link.epoch().0.to_string(), self.words());
        let mut args: Vec<&[u8]> = vec![link.namespace.as_bytes(), epoch.as_bytes()];
        args.extend(words.iter().map(String::as_bytes));
        both.add_command(script::NEWS.command(&args));
        let mut answers = connection.send_packed_commands(&both, 0, 2).await?.into_iter();
        if let Some(waited) = answers.next() {
            waited.extract_error()?;
        }
        Ok(answers.next().unwrap_or_default())
    }

    fn nothing(&self) -> Step {
        Step { news: Vec::new(), upto: self.from, arrived: Vec::new(), heard: BTreeSet::new() }
    }

    /// Makes a step of what the script answered.
    async fn digest(&self, link: &Link, answer: Value) -> Result<Step, Error> {
        let mut step = self.nothing();
        let (feeds, horizon) = self.take(answer, &mut step)?;
        let Some(horizon) = horizon.map(|place| self.cap.map_or(place, |cap| place.min(cap))) else {
            return Ok(step);
        };
        if horizon <= self.from {
            return Ok(step);
        }
        step.upto = horizon;
        let feeds: Vec<_> = feeds.into_iter().filter(|(id, _)| *id <= horizon).collect();
        step.news = news(link, feeds).await?;
        Ok(step)
    }

    /// The arguments of the script behind namespace and epoch.
    fn words(&self) -> Vec<String> {
        let mut words = vec![self.from.to_string()];
        words.extend([ENTRIES, BODIES, BYTES, usize::from(self.arrivals)].map(|n| n.to_string()));
        words.extend(self.tenants.iter().map(Tenant::to_string));
        words
    }

    fn wait(&self, namespace: &str, block: u64) -> Cmd {
        let mut command = Cmd::new();
        command.arg("XREAD").arg("COUNT").arg(1).arg("BLOCK").arg(block).arg("STREAMS");
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
    fn take(&self, answer: Value, step: &mut Step) -> Result<Taken, Error> {
        let mut all = Vec::new();
        let mut last: Option<Id> = None;
        let mut cut: Option<Id> = None;
        let mut missing = Position::ZERO;
        for feed in reply::array(answer)? {
            let [name, entries] = reply::parts(feed)?;
            let name = reply::text(name)?;
            let entries = reply::array(entries)?;
            let full = entries.len() >= ENTRIES;
            // The tenants that are new have no name.
            let tenant = Some(name).filter(|name| !name.is_empty());
            let mut end = self.from;
            for (i, entry) in entries.into_iter().enumerate() {
                let [id, fields, bodies] = reply::parts(entry)?;
                let id = Id::parse(&reply::text(id)?).ok_or_else(reply::strange)?;
                let fields = reply::array(fields)?;
                end = id;
                let Some(tenant) = &tenant else {
                    if self.arrive(fields, step) {
                        // What is there of the new ones has not been read.
                        let before = Id { position: id.position.saturating_sub(1), behind: u64::MAX };
                        cut = Some(cut.map_or(before, |cut| cut.min(before)));
                    }
                    continue;
                };
                let tenant: Tenant = tenant.parse().map_err(|_| reply::strange())?;
                // What somebody else wrote here leads to no event.
                let Some(told) = told(&tenant, fields, reply::array(bodies)?) else { continue };
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
fn told(tenant: &Tenant, fields: Vec<Value>, bodies: Vec<Value>) -> Option<Told> {
    let mut bodies = bodies.into_iter();
    let mut fields = fields.into_iter().map(|field| reply::text(field).ok());
    if fields.next()?? != "1" {
        return None;
    }
    let before = Id::parse(&fields.next()??)?;
    let mut refs = Vec::new();
    while let Some(name) = fields.next() {
        let name = name?;
        let (class, name) = name.split_at_checked(1)?;
        refs.push(Ref {
            class: class.chars().next()?,
            name: name.to_owned(),
            number: fields.next()??.parse().ok()?,
            body: bodies.next(),
        });
    }
    Some(Told { tenant: tenant.clone(), before, refs })
}

/// What entries of feeds lead to; what did not come along is fetched.
async fn news(link: &Link, feeds: Vec<(Id, Told)>) -> Result<Vec<News>, Error> {
    let mut asked: Vec<(Id, [String; 3])> = Vec::new();
    let mut deleted: BTreeMap<Id, Vec<News>> = BTreeMap::new();
    let mut segments = Segments::default();
    for (id, told) in feeds {
        for Ref { class, name, number, body } in told.refs {
            if class == 'x' {
                let Ok(stream) = name.parse() else { continue };
                let news = News::Deleted { tenant: told.tenant.clone(), stream, to: Position(number) };
                deleted.entry(id).or_default().push(news);
            } else if let Some(body) = body {
                segments.add(id, body)?;
            } else {
                let body = id.position.saturating_sub(number);
                asked.push((id, [format!("{}:{name}", told.tenant), class.to_string(), format!("{body}-0")]));
            }
        }
    }
    for asked in asked.chunks(BODIES) {
        let args: Vec<&[u8]> = asked.iter().flat_map(|(_, words)| words).map(String::as_bytes).collect();
        let found = reply::array(link.read(&script::BODIES, &args).await?)?;
        for ((id, _), body) in asked.iter().zip(found) {
            segments.add(*id, body)?;
        }
    }
    let mut all: BTreeMap<Id, Vec<News>> = deleted;
    for (id, records) in segments.0 {
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

/// The events of each entry; nothing where one of them is not at hand.
#[derive(Default)]
struct Segments(BTreeMap<Id, Option<Vec<Record>>>);

impl Segments {
    fn add(&mut self, id: Id, body: Value) -> Result<(), Error> {
        let segment = self.0.entry(id).or_insert_with(|| Some(Vec::new()));
        match body {
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
        Ok(())
    }
}
