//! History of a lane, from the server.

use std::time::Duration;

use futures_util::StreamExt;
use headwater_events::{Lane, Position};
use headwater_store::{Error, GapReason, Record};
use rdkafka::{Message, error::KafkaError, message::BorrowedMessage, types::RDKafkaErrorCode};

use super::{filler::Filler, place::Place, wanted::Wanted};
use crate::{body, engine::Engine, failure::explain, metric_definitions};

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything was looked at, or the page is full.
    Done,
    /// The place to begin at is no longer there.
    OutOfRange,
}

/// Fills the page from the server, up to `to`.
pub(super) async fn scan(
    engine: &Engine,
    wanted: &Wanted,
    filler: &mut Filler,
    to: Position,
) -> Result<Ended, Error> {
    let mut taken = engine.readers.take(wanted.lane, filler.at()).await?;
    let Some(place) = taken.place() else { return Ok(Ended::Done) };
    let ended = fill(engine, wanted, filler, to, place).await;
    // At the end the newest come from memory.
    match ended {
        Ok(Ended::Done) if filler.is_finished() => place.passed(filler.at()),
        Ok(_) => place.lost(),
        Err(_) => taken.give_up(),
    }
    ended
}

/// Whether a lane has nothing behind a position.
pub(crate) async fn is_void(engine: &Engine, lane: Lane, after: Position) -> Result<bool, Error> {
    let mut taken = engine.readers.take(lane, after).await?;
    let Some(place) = taken.place() else { return Ok(false) };
    let void = {
        let mut messages = place.queue.stream();
        next(&mut messages, engine.options.request_timeout, engine).await.map(|found| found.is_none())
    };
    place.lost();
    void
}

async fn fill(
    engine: &Engine,
    wanted: &Wanted,
    filler: &mut Filler,
    to: Position,
    place: &mut Place,
) -> Result<Ended, Error> {
    // A record that an earlier page had no room for.
    if let Some(record) = place.held.take() {
        let wants = wanted.has(&record);
        if record.position() > to {
            filler.pass(to);
            place.held = Some(record);
            return Ok(Ended::Done);
        }
        if wants && !filler.offer(&record) {
            place.held = Some(record);
            return Ok(Ended::Done);
        }
        filler.pass(record.position());
    }
    let mut looked_at = 0;
    let mut messages = place.queue.stream();
    let ended = loop {
        if filler.at() >= to {
            break Ok(Ended::Done);
        }
        let Some(next) = next(&mut messages, engine.options.request_timeout, engine).await? else {
            // The partition ends in places without records.
            filler.pass(to);
            break Ok(Ended::Done);
        };
        let message = match next {
            Ok(message) => message,
            Err(error) if is_out_of_range(&error) => break Ok(Ended::OutOfRange),
            Err(error) => break Err(explain(&engine.names, "reading", &error)),
        };
        looked_at += 1;
        let position = body::position(message.offset());
        if position <= filler.at() {
            continue;
        }
        match look(engine, wanted, &message) {
            Look::Other => filler.pass(position),
            Look::Bad => filler.missing(position.prev(), position, GapReason::Undecodable),
            Look::Wanted(record) => {
                if position > to {
                    filler.pass(to);
                }
                if position > to || !filler.offer(&record) {
                    place.held = Some(record);
                    break Ok(Ended::Done);
                }
            }
        }
        if !filler.budget.spend(message.payload_len() + message.key_len()) && filler.at() < to {
            filler.unfinished();
            break Ok(Ended::Done);
        }
    };
    metrics::counter!(metric_definitions::SCANNED).increment(looked_at);
    ended
}

enum Look {
    Other,
    Bad,
    Wanted(Record),
}

/// Looks at as little of a message as is needed to pass it.
fn look(engine: &Engine, wanted: &Wanted, message: &BorrowedMessage<'_>) -> Look {
    if !wanted.has_key(message.key().unwrap_or_default()) {
        return Look::Other;
    }
    match body::kind(message) {
        Some((class, _)) if !wanted.has_class(class) => Look::Other,
        _ => match body::decode(message, wanted.lane, engine.lanes()) {
            Some(record) => Look::Wanted(record),
            None => Look::Bad,
        },
    }
}

/// The next message; `None` at the end of the partition.
async fn next<'a>(
    messages: &mut rdkafka::consumer::MessageStream<'a, crate::context::Context>,
    patience: Duration,
    engine: &Engine,
) -> Result<Option<Result<BorrowedMessage<'a>, KafkaError>>, Error> {
    loop {
        let next = tokio::time::timeout(patience, messages.next()).await.map_err(|_| {
            Error::unavailable(format_args!("kafka at {} sends nothing to a reader", engine.names.servers))
        })?;
        match next {
            None | Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            Some(Err(error)) if is_passing(&error) => tracing::debug!(%error, "reading history"),
            Some(other) => return Ok(Some(other)),
        }
    }
}

fn is_out_of_range(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(error.rdkafka_error_code(), Some(Code::AutoOffsetReset | Code::OffsetOutOfRange))
}

/// The client tries again by itself.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::OperationTimedOut | Code::Resolve)
    )
}
