//! The one consumer of a process: it follows every partition and the state, whoever follows or asks.
//!
//! ```text
//!  partition 0 ─┐                ┌─► records of runs
//!  partition 1 ─┼─► one consumer ┼─► ring of each lane ─► followers, reads of the newest
//!  …            │                └─► table of the state
//!  state       ─┘
//! ```

mod open;
mod recover;
mod round;

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use headwater_events::Lane;
use rdkafka::{
    error::{KafkaError, KafkaResult},
    message::BorrowedMessage,
    types::RDKafkaErrorCode,
};
use tokio::time::interval;

pub(crate) use self::open::{assign, load_state};
use self::round::Round;
use crate::{
    engine::{Engine, EngineRef},
    failure,
};

/// How many messages are taken in before they are shown.
const ROUND: usize = 512;

/// How often it is looked whether the consumer still knows a server.
const LOOK: Duration = Duration::from_secs(1);

/// Follows until it is aborted.
pub(crate) async fn run(engine: EngineRef) {
    loop {
        follow(&engine).await;
        if let Err(error) = replace(&engine) {
            tracing::warn!(%error, "there is no other follower");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Another consumer goes on where the one before was.
fn replace(engine: &Engine) -> KafkaResult<()> {
    engine.follower.mend()?;
    let lanes = (0..engine.lanes()).map(Lane).map(|lane| (lane, engine.reached(lane)));
    assign(&engine.follower.get(), &engine.names, lanes, *engine.state_reached.borrow())
}

/// Follows until the consumer has lost all its servers.
async fn follow(engine: &EngineRef) {
    let consumer = engine.follower.get();
    let mut messages = consumer.stream();
    let mut round = Round::new(engine.lanes());
    let mut looks = interval(LOOK);
    loop {
        let first = tokio::select! {
            first = messages.next() => first,
            _ = looks.tick() => {
                if engine.follower.is_lost() {
                    return;
                }
                continue;
            }
        };
        let Some(first) = first else { return };
        let mut trouble = take(engine, &mut round, first);
        for _ in 1..ROUND {
            let Some(Some(next)) = messages.next().now_or_never() else { break };
            trouble = take(engine, &mut round, next).or(trouble);
        }
        round.finish(engine);
        if let Some(code) = trouble {
            recover::recover(engine, code).await;
        }
    }
}

/// Takes a message in; gives an error that something must be done about.
fn take(
    engine: &Engine,
    round: &mut Round,
    next: KafkaResult<BorrowedMessage<'_>>,
) -> Option<RDKafkaErrorCode> {
    match next {
        Ok(message) => {
            round.take(engine, &message);
            None
        }
        Err(KafkaError::PartitionEOF(_)) => None,
        Err(error) => {
            let code = error.rdkafka_error_code()?;
            tracing::debug!(%error, "following");
            if code == RDKafkaErrorCode::TopicAuthorizationFailed {
                engine.refuse(code);
            }
            let missing = failure::is_missing_code(code);
            (missing
                || code == RDKafkaErrorCode::AutoOffsetReset
                || code == RDKafkaErrorCode::OffsetOutOfRange)
                .then_some(code)
        }
    }
}
