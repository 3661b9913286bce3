//! What the demo promises, checked against the log.

use std::collections::{BTreeMap, HashSet};

use headwater::{Class, Delivery, EventSubscriberExt as _, Filter, run_state};

use super::{client, screen::Shown, setting::Setting};

/// What came of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// How many durable events each agent emitted, and whether their numbers are 1, 2, 3, ….
    pub(crate) sequences: BTreeMap<String, (u64, bool)>,
    /// What the run checker finds wrong.
    pub(crate) violations: Vec<String>,
    /// Events of the log that the screen never got.
    pub(crate) missed: usize,
    /// Events that the screen got twice, or out of order.
    pub(crate) wrong: usize,
    /// How many events the log has.
    pub(crate) events: usize,
}

impl Verdict {
    /// Whether everything is as it must be.
    pub(crate) fn is_good(&self) -> bool {
        self.missed == 0
            && self.wrong == 0
            && self.violations.is_empty()
            && self.sequences.values().all(|(_, dense)| *dense)
    }
}

/// Reads the run back and judges it and what the screen saw of it.
pub(crate) async fn verdict(setting: &Setting, shown: &Shown) -> anyhow::Result<Verdict> {
    let log = read(setting).await?;
    let (missed, wrong) = compare(&log, &shown.seen);
    let mut sequences: BTreeMap<String, (u64, bool)> = BTreeMap::new();
    for event in log.iter().map(Delivery::event).filter(|event| event.class() == Class::Durable) {
        let name = event.source().rsplit('/').next().unwrap_or_default();
        let (last, dense) = sequences.entry(name.to_owned()).or_insert((0, true));
        *last += 1;
        *dense &= event.sequence() == Some(*last);
    }
    let mut run = run_state::RunState::new();
    let mut violations: Vec<String> = Vec::new();
    for event in log.iter().map(Delivery::event) {
        violations.extend(run.apply(event).iter().map(ToString::to_string));
    }
    violations.extend(run.finish().iter().map(ToString::to_string));
    Ok(Verdict { sequences, violations, missed, wrong, events: log.len() })
}

/// How many events that stand before the last one seen were not seen.
pub(crate) async fn missed_so_far(setting: &Setting, seen: &[String]) -> anyhow::Result<usize> {
    let mut log = read(setting).await?;
    let reached = log.iter().rposition(|delivery| seen.last().is_some_and(|id| id == delivery.event().id()));
    log.truncate(reached.map_or(0, |at| at + 1));
    Ok(compare(&log, seen).0)
}

async fn read(setting: &Setting) -> anyhow::Result<Vec<Delivery>> {
    Ok(client(&setting.url)?.read_all(&setting.scope(), &Filter::all()).await?)
}

/// How many events of the log were not seen, and how many of those seen were in a wrong place.
fn compare(log: &[Delivery], seen: &[String]) -> (usize, usize) {
    let have: HashSet<&str> = seen.iter().map(String::as_str).collect();
    let kept: Vec<&str> =
        log.iter().map(|delivery| delivery.event().id()).filter(|id| have.contains(id)).collect();
    let in_place = kept.iter().zip(seen).filter(|(a, b)| *a == b).count();
    (log.len() - kept.len(), seen.len() - in_place)
}
