//! When the place of the follower is no longer there.

use std::time::Duration;

use headwater_store::GapReason;
use rdkafka::types::RDKafkaErrorCode;

use super::open::assign;
use crate::{engine::EngineRef, failure};

/// How long to wait before looking again: errors of every partition come at about the same time.
const PAUSE: Duration = Duration::from_millis(200);

/// Retention may have passed it, or the topic may be gone or another one.
pub(super) async fn recover(engine: &EngineRef, code: RDKafkaErrorCode) {
    if failure::is_missing_code(code) {
        engine.look_at_topics();
        tokio::time::sleep(PAUSE).await;
        return;
    }
    tracing::debug!(%code, "the follower's place is gone");
    tokio::time::sleep(PAUSE).await;
    let (Ok(begins), Ok(ends)) = (engine.ends.begins().await, engine.ends.now().await) else { return };
    let mut lost_tail = false;
    for (lane, low) in begins.lanes() {
        let Some(log) = engine.lane(lane) else { continue };
        log.raise_low(low);
        lost_tail |= log.reached() > ends.lane(lane);
        let reached = log.reached();
        if reached < low {
            log.ring.lost(reached, low, GapReason::Retention);
            log.reach(low);
        }
    }
    if lost_tail || *engine.state_reached.borrow() > ends.state() {
        engine.look_at_topics();
        return;
    }
    let lanes = begins.lanes().map(|(lane, _)| (lane, engine.reached(lane)));
    let state = (*engine.state_reached.borrow()).max(begins.state());
    if let Err(error) = assign(&engine.follower.get(), &engine.names, lanes, state) {
        tracing::warn!(%error, "the follower is not placed anew");
    }
}
