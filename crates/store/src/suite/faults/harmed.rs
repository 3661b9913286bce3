//! Twenty publishers and two readers while the server comes to harm.

use std::{sync::Arc, time::Duration};

use super::{
    super::{Case, Faults, report},
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
    report::remark(&faults.settings());
    Some((faults, store))
}

/// Under load, harms the server twice: at one third and at two thirds.
async fn twice(case: &Case, what: &'static str, harm: impl AsyncFn(&dyn Faults) -> bool) {
    let Some((faults, store)) = open(case).await else { return };
    let mut readers = vec![Reader::start(&store).await];
    let statuses = Statuses::of(&store);
    let load = Load::start(&store, if soaks() { 3 * EVENTS } else { EVENTS });
    let harmed = async {
        for third in [1, 2] {
            load.twelfths(4 * third).await;
            if !harm(faults).await {
                return false;
            }
            // One that comes in the midst of it.
            readers.push(Reader::start(&store).await);
        }
        true
    };
    if !while_counting(faults, harmed).await {
        return case.skip(what);
    }
    while_counting(faults, load.check(&store, readers)).await;
    statuses.away_and_back().await;
}

/// A server that restarts twice under load: nothing is lost, nothing comes twice.
pub async fn restarts_lose_nothing(case: Case) {
    twice(&case, "the server cannot be restarted", async |faults| faults.restart().await).await;
}

/// A server that is killed twice under load.
pub async fn kills_lose_nothing(case: Case) {
    twice(&case, "the server cannot be killed", async |faults| faults.kill().await).await;
}

/// A server that stands still for ten seconds (thirty in a soak) under load: callers are told, nothing is lost.
pub async fn pauses_lose_nothing(case: Case) {
    let Some((faults, store)) = open(&case).await else { return };
    let readers = vec![Reader::start(&store).await];
    let statuses = Statuses::of(&store);
    let load = Load::start(&store, EVENTS / 2);
    load.twelfths(4).await;
    if !faults.pause().await {
        return case.skip("the server cannot be stopped where it stands");
    }
    let still = Duration::from_secs(if soaks() { 30 } else { 10 });
    while_counting(faults, tokio::time::sleep(still)).await;
    assert!(faults.resume().await, "what was paused goes on");
    while_counting(faults, load.check(&store, readers)).await;
    statuses.away_and_back().await;
}

/// Connections that are cut in the middle of replies, again and again, under load.
pub async fn cut_connections_lose_nothing(case: Case) {
    let Some((faults, store)) = open(&case).await else { return };
    let readers = vec![Reader::start(&store).await];
    let statuses = Statuses::of(&store);
    let load = Load::start(&store, EVENTS / 2);
    for cut in 1..=10 {
        load.twelfths(cut).await;
        if !faults.cut().await {
            return case.skip("connections cannot be cut");
        }
    }
    load.check(&store, readers).await;
    statuses.back().await;
}
