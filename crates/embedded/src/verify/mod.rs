//! Looking at every byte of a log.

mod events;
mod missing;
mod refs;
mod seen;

use std::path::Path;

use headwater_events::Position;
use headwater_store::Error;
use serde::Serialize;

use crate::{
    buckets::Buckets,
    codec,
    engine::{Engine, storage},
    folder::{Folder, Mark},
    meta::{self, Identity},
    recover,
    view::Cuts,
};

/// What [`verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Durable events.
    pub durable: u64,
    /// Transient events.
    pub transient: u64,
    /// Internal events.
    pub internal: u64,
    /// Encoded bytes of all events.
    pub bytes: u64,
    /// References by tenant, and by lane.
    pub references: u64,
    /// Commit records.
    pub commits: u64,
    /// Run records.
    pub runs: u64,
    /// State values.
    pub state_values: u64,
    /// The last position.
    pub last: Position,
    /// Stretches of positions in which events may have been lost: after which, and up to which.
    pub lost: Vec<(Position, Position)>,
    /// How many places are damaged.
    pub damaged: u64,
    /// The first of them, in words.
    pub damage: Vec<String>,
}

/// How many damaged places are told in words.
const TOLD: usize = 20;

impl Report {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged == 0
    }

    fn tell(&mut self, damage: impl std::fmt::Display) {
        self.damaged += 1;
        if self.damage.len() < TOLD {
            self.damage.push(damage.to_string());
        }
    }
}

/// The log as it is looked at.
struct Log {
    engine: Engine,
    buckets: Buckets,
    identity: Identity,
    cuts: Cuts,
    last: Position,
    /// How many events were cleared away one by one.
    cleared: u64,
}

/// Looks at every event, reference and record of the log in `path`, which nobody may have open. Blocks.
///
/// Nothing is changed but the end of the journal, where a crash may have left a piece of a batch.
///
/// # Errors
/// [`Error::Config`] where there is no log, or it is in use; [`Error::Corrupt`] where the database does not open.
/// Damage that leaves the rest readable is in the report.
pub fn verify(path: impl AsRef<Path>) -> Result<Report, Error> {
    let folder = Folder::take(path.as_ref(), false)?;
    let marked = Mark::open(&folder).map_err(Error::unavailable)?.1;
    let engine = Engine::open(&folder.database(), 64 * 1024 * 1024)
        .map_err(|e| crate::store::opening(folder.path(), &e))?;
    let mut report = Report::default();
    let Some(identity) = meta::identity(&engine.meta)? else {
        return Ok(report);
    };
    let buckets = Buckets::load(&engine.db, &engine.meta)?;
    let end = meta::end(&engine.meta)?.position;
    let last = recover::last_commit(&buckets)?.map_or(end, |(position, _)| position.max(end));
    let log = Log {
        cuts: meta::cuts(&engine.meta)?,
        cleared: meta::cleared(&engine.meta)?.unwrap_or(0),
        engine,
        buckets,
        identity,
        last,
    };
    report.last = last;
    for lost in recover::lost_stretches(&log.engine)? {
        report.lost.push((lost.from, lost.to));
    }
    if let Some(marked) = marked.filter(|&marked| marked > last) {
        report.tell(format_args!(
            "acknowledged events are gone: the log ends at {last}, {marked} was answered"
        ));
    }
    let mut found = events::check(&log, &mut report)?;
    refs::check(&log, &mut found, &mut report)?;
    records(&log, &mut report)?;
    Ok(report)
}

fn records(log: &Log, report: &mut Report) -> Result<(), Error> {
    for entry in log.engine.runs.iter() {
        let (key, value) = entry.into_inner().map_err(storage)?;
        report.runs += 1;
        match codec::decode_run(&value) {
            Ok(run) if run.last > log.last => {
                report.tell(format_args!("run {} goes beyond the log's end", name(&key)));
            }
            Ok(_) => {}
            Err(error) => report.tell(format_args!("run {}: {error}", name(&key))),
        }
    }
    for entry in log.engine.state.iter() {
        let (key, value) = entry.into_inner().map_err(storage)?;
        report.state_values += 1;
        if value.len() < 8 {
            report.tell(format_args!("state value {} is not readable", name(&key)));
        }
    }
    Ok(())
}

/// A key for people.
fn name(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace('\0', "/")
}
