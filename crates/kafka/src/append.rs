//! Appending: records to their lanes, answers back in the order of the batch.

use std::time::Instant;

use headwater_store::{Append, Appended, Error};
use jiff::Timestamp;
use rdkafka::types::RDKafkaErrorCode;

use crate::{
    body,
    engine::Engine,
    failure::{explain_code, is_missing_code},
    metric_definitions,
    names::run_key,
    producer::{Outcome, Outgoing},
};

/// Stores a batch.
pub(crate) async fn append(engine: &Engine, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let start = Instant::now();
    let lanes: Vec<_> = batch.iter().map(|append| engine.lane_of(&append.tenant, &append.stream)).collect();
    let sent = {
        let keys: Vec<_> =
            batch.iter().map(|append| run_key(append.tenant.as_str(), append.stream.as_str())).collect();
        let records = batch.iter().zip(&keys).zip(&lanes).map(|((append, key), lane)| Outgoing {
            topic: &engine.names.topic,
            partition: i32::from(lane.0),
            key: key.as_bytes(),
            value: Some(append.event.json()),
            headers: Some(body::headers(append.class, append.mark)),
        });
        engine.producer.send(records.collect()).await?
    };
    let outcomes = sent.outcomes().await;
    metrics::histogram!(metric_definitions::APPEND_SECONDS).record(start.elapsed().as_secs_f64());
    let mut answers = Vec::with_capacity(outcomes.len());
    let mut failed = None;
    for (outcome, lane) in outcomes.iter().zip(&lanes) {
        match *outcome {
            Outcome::Stored { offset, at } => {
                let position = body::position(offset);
                if let Some(log) = engine.lane(*lane) {
                    log.answer(position);
                }
                let stored_at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
                answers.push(Some(Appended { position, stored_at, duplicate: false }));
            }
            other => {
                answers.push(None);
                failed.get_or_insert(other);
            }
        }
    }
    let stored = answers.iter().flatten().count();
    metrics::counter!(metric_definitions::EVENTS).increment(stored as u64);
    metrics::counter!(metric_definitions::APPEND_FAILURES).increment((answers.len() - stored) as u64);
    match failed {
        None => Ok(answers.into_iter().flatten().collect()),
        Some(outcome) => {
            let unknown = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unknown(_)));
            Err(failure(engine, outcome, unknown, answers))
        }
    }
}

/// The error of a batch of which not everything was stored; `first` is what became of the first that was not.
fn failure(engine: &Engine, first: Outcome, unknown: bool, stored: Vec<Option<Appended>>) -> Error {
    let code = match first {
        Outcome::Refused(code) | Outcome::Unknown(code) => code,
        Outcome::Stored { .. } => RDKafkaErrorCode::Fail,
    };
    if is_missing_code(code) {
        engine.look_at_topics();
    }
    let error = match code {
        RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => Error::unavailable(format_args!(
            "kafka at {} did not answer for {} s",
            engine.names.servers,
            engine.options.append_timeout.as_secs_f32()
        )),
        code => explain_code(&engine.names, "storing events", code),
    };
    if stored.iter().any(Option::is_some) {
        return Error::Partial { stored, reason: error.to_string() };
    }
    if unknown { Error::Unknown { reason: error.to_string() } } else { error }
}
