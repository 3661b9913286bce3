//! Saving the records of runs now and then.

use headwater_events::{Lane, Position};
use headwater_store::Error;

use super::{saved, table::ToSave};
use crate::{
    engine::Engine,
    producer::{Outcome, Outgoing},
};

/// Saves the runs of every lane that has come at least `worth` positions further since it was saved, by whomever.
pub(crate) async fn save(engine: &Engine, worth: u64) -> Result<(), Error> {
    for lane in (0..engine.lanes()).map(Lane) {
        let reached = engine.reached(lane);
        if reached.0.saturating_sub(engine.runs.mark(lane).0) < worth.max(1) {
            continue;
        }
        let to_save = engine.runs.take_unsaved(lane);
        if let Err(error) = save_lane(engine, lane, reached, &to_save).await {
            engine.runs.give_back(lane, to_save);
            return Err(error);
        }
    }
    Ok(())
}

/// The runs first, the mark after them, in a topic of one partition: who finds the mark has found the runs.
async fn save_lane(engine: &Engine, lane: Lane, reached: Position, to_save: &ToSave) -> Result<(), Error> {
    let (epoch, maker) = (engine.epoch(), engine.state.maker());
    let mut records = Vec::new();
    for (key, record, makers) in &to_save.runs {
        records.push((saved::run_key(epoch, maker, key), Some(saved::run_value(record))));
        for other in makers.iter().filter(|other| **other != maker) {
            records.push((saved::run_key(epoch, *other, key), None));
        }
    }
    records.push((saved::mark_key(epoch, lane), Some(saved::mark_value(reached).to_vec())));
    write(engine, &records).await
}

/// Forgets the runs of which retention has left nothing.
pub(crate) async fn drop_removed(engine: &Engine) -> Result<(), Error> {
    let mut records = Vec::new();
    for (lane, log) in (0..).map(Lane).zip(engine.logs()) {
        for (key, makers) in engine.runs.forget_removed(lane, log.low()) {
            let saved = makers.iter().map(|maker| (saved::run_key(engine.epoch(), *maker, &key), None));
            records.extend(saved);
        }
    }
    write(engine, &records).await
}

async fn write(engine: &Engine, records: &[(Vec<u8>, Option<Vec<u8>>)]) -> Result<(), Error> {
    // In parts, so that they do not take all the room there is to appends.
    for part in records.chunks(500) {
        let outgoing = part.iter().map(|(key, value)| Outgoing {
            topic: &engine.names.state,
            partition: 0,
            key,
            value: value.as_deref(),
            headers: None,
        });
        let sent = engine.producer.send_own(outgoing.collect()).await?;
        if !sent.outcomes().await.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })) {
            return Err(Error::unavailable("the records of runs were not saved"));
        }
    }
    Ok(())
}
