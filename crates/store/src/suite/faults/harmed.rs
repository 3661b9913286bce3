//! Twenty publishers and two readers while the server comes to harm.

use std::{sync::Arc, time::Duration};

use super::{
    super::{Case, Faults, Harm, report},
    load::Load,
    reader::Reader,
    soaks,
    watch::{Statuses, while_counting},
};
use crate::Store;

/// How many events are published, in all.
const EVENTS: usize = 10_000;

/// The store over a server that can be harmed, if there is one.
pub(super) async fn open(case: &Case) -> Option<(&dyn Faults, Arc<dyn Store>)> {
    let Some(faults) = case.fixture().faults() else {
        case.skip("there is no server behind the store");
        return None;
    };
    let store = case.open().await;
    report::settings(&faults.settings());
    Some((faults, store))
}

/// Under load, harms the server twice: at one third and at two thirds.
async fn twice(case: &Case, harm: Harm) {
    let Some((faults, store)) = open(case).await else { return };
    let mut readers = vec![Reader::start(&store).await];
    let statuses = Statuses::of(&store);
    let load = Load::start(&store, if soaks() { 3 * EVENTS } else { EVENTS });
    let harmed = async {
        for third in [1, 2] {
            load.twelfths(4 * third).await;
            if !harm.to(faults).await {
                return false;
            }
            // One that comes in the midst of it.
            readers.push(Reader::start(&store).await);
        }
        true
    };
    if !while_counting(faults, harmed).await {
        return case.skip(harm.cannot());
    }
    while_counting(faults, load.check(&store, readers)).await;
    statuses.away_and_back().await;
}

/// A server that restarts twice under load: nothing is lost, nothing comes twice.
pub async fn restarts_lose_nothing(case: Case) {
    twice(&case, Harm::Restart).await;
}

/// A server that is killed twice under load.
pub async fn kills_lose_nothing(case: Case) {
    twice(&case, Harm::Kill).await;
}

/// A server that stands still for ten seconds (thirty in a soak) under load: callers are told, nothing is lost.
pub async fn pauses_lose_nothing(case: Case) {
    let still = Duration::from_secs(if soaks() { 30 } else { 10 });
    if let Some((statuses, _store)) = once(&case, Harm::Pause(still)).await {
        statuses.away_and_back().await;
    }
}

/// Connections that are cut in the middle of replies, again and again, under load.
pub async fn cut_connections_lose_nothing(case: Case) {
    if let Some((statuses, _store)) = once(&case, Harm::Cut).await {
        statuses.back().await;
    }
}

/// Under half as much load, harms the server once, at one third. The store comes along: one that is dropped is closed.
async fn once(case: &Case, harm: Harm) -> Option<(Statuses, Arc<dyn Store>)> {
    let (faults, store) = open(case).await?;
    let readers = vec![Reader::start(&store).await];
    let statuses = Statuses::of(&store);
    let load = Load::start(&store, EVENTS / 2);
    load.twelfths(4).await;
    // Each cut lets every connection be opened again.
    let done =
        if harm == Harm::Cut { harm.to(faults).await } else { while_counting(faults, harm.to(faults)).await };
    if !done {
        case.skip(harm.cannot());
        return None;
    }
    while_counting(faults, load.check(&store, readers)).await;
    Some((statuses, store))
}
